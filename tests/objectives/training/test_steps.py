"""An epoch's steps: Keras' own, taken one by one."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest

from objectives.messages import Examples
from objectives.training.batches import ShuffledBatches
from objectives.training.on_tensorflow import TracedSteps
from objectives.training.steps import Steps, _FitSteps, steps_of

pytestmark = pytest.mark.slow

DRAWN = np.random.default_rng(0)
EXAMPLES = Examples(
    images=DRAWN.integers(0, 256, (20, 4, 4, 1), dtype=np.uint8),
    labels=np.arange(20, dtype=np.int32) % 3,
    indices=np.arange(20, dtype=np.int32),
)


def _model() -> keras.Model:
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((4, 4, 1)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dropout(0.3), layers.Dense(3)]
    )
    crossentropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", crossentropy, metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")])
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.fixture
def model() -> keras.Model:
    return _model()


@pytest.fixture
def batches() -> ShuffledBatches:
    return ShuffledBatches(EXAMPLES, batch_size=8, seed=0)


def test_steps_are_those_of_fit(batches: ShuffledBatches) -> None:
    """Weights, optimizer, dropout's random state, loss and accuracy, over epochs whose last batch is smaller."""
    ended = []
    for kind in (_FitSteps, TracedSteps):
        model = _model()
        logs = [_epoch(kind(model), batches, number) for number in (1, 2)]
        ended.append((logs, [variable.numpy() for variable in (*model.variables, *model.optimizer.variables)]))

    (fit_logs, fit), (logs, traced) = ended
    assert logs == [pytest.approx(epoch) for epoch in fit_logs]
    for one, other in zip(traced, fit, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_all_epochs_share_one_trace(model: keras.Model, batches: ShuffledBatches) -> None:
    steps = TracedSteps(model)
    for number in (1, 2, 3):
        _epoch(steps, batches, number)

    assert steps._step.experimental_get_tracing_count() == 1


@pytest.mark.parametrize("kind", [TracedSteps, _FitSteps])
def test_a_halt_ends_them_after_the_batch(
    kind: type[TracedSteps] | type[_FitSteps], model: keras.Model, batches: ShuffledBatches
) -> None:
    asked = iter([False, True])

    assert kind(model).train(batches, lambda: next(asked)) is None
    assert int(model.optimizer.iterations) == 2


def test_a_loss_that_is_no_number_ends_them_a_batch_later(model: keras.Model) -> None:
    broken = replace(EXAMPLES, images=np.full(EXAMPLES.images.shape, np.nan, np.float32))
    found = TracedSteps(model).train(ShuffledBatches(broken, batch_size=2, seed=0), lambda: False)

    assert found is not None
    assert np.isnan(found["loss"])
    assert int(model.optimizer.iterations) == 2


def test_tensorflow_has_its_own(model: keras.Model) -> None:
    assert isinstance(steps_of(model), TracedSteps)


def _epoch(steps: Steps, batches: ShuffledBatches, number: int) -> dict[str, float]:
    batches.shuffle(number)
    found = steps.train(batches, lambda: False)
    assert found is not None
    return found
