"""A fused update changes weights as Keras' own does."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from objectives.training import on_tensorflow
from objectives.training.optimizers import optimizer_of
from spaces.recipe import OPTIMIZERS, Fit

STEPS = 5


def _trained(fit: Fit) -> list[NDArray[np.float32]]:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4), keras.layers.Dense(3, activation="softmax")])
    model.compile(optimizer_of(fit, steps=STEPS, model=model), "sparse_categorical_crossentropy")
    drawn = np.random.default_rng(0)
    images, labels = drawn.random((8, 6), dtype=np.float32), np.arange(8) % 3
    for _ in range(STEPS):
        model.train_on_batch(images, labels)
    weights: list[NDArray[np.float32]] = model.get_weights()
    return weights


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("schedule", ["constant", "one_cycle"])
def test_fused_updates_are_plain_ones(optimizer: str, schedule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    decay = 0.0 if optimizer == "adam" else 0.01
    fit = Fit(optimizer=optimizer, learning_rate=0.05, schedule=schedule, weight_decay=decay)
    plain = _trained(fit)
    monkeypatch.setattr(on_tensorflow, "LARGE", 24)
    for one, other in zip(_trained(fit), plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_only_large_weights_are_fused(monkeypatch: pytest.MonkeyPatch) -> None:
    none, one, two = (_fused(monkeypatch, large=large) for large in (25, 24, 12))
    assert (none, two) == (0, 2 * one) != (0, 0)


def _fused(monkeypatch: pytest.MonkeyPatch, *, large: int) -> int:
    """Return how many updates are fused, of weights of 24, 4, 12 and 3 elements, in all traces of a step."""
    compiled: list[object] = []
    make = tf.function

    def watched(*arguments: object, **options: object) -> object:
        compiled.extend([options] if options.get("jit_compile") else [])
        return make(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(on_tensorflow, "LARGE", large)
        patch.setattr(tf, "function", watched)
        _trained(Fit(learning_rate=0.05))
    return len(compiled)
