"""Optimizers and schedules are what a recipe says."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from objectives.training.optimizers import Schedule, optimizer_of
from spaces.recipe import Fit


def _model() -> keras.Model:
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.BatchNormalization()])


def _optimizer(fit: Fit, model: keras.Model | None = None) -> keras.optimizers.Optimizer:
    return optimizer_of(fit, steps=100, model=model or _model())


def _rates(curve: str, warmup: float) -> list[float]:
    rise = Fit(learning_rate=1.0, schedule=curve, warmup=warmup).rise
    schedule = Schedule(peak=1.0, curve=curve, rise=rise, steps=10)
    return [float(schedule(step)) for step in range(10)]


def test_plain_adam_is_that_of_keras() -> None:
    optimizer = _optimizer(Fit(learning_rate=0.001))

    assert optimizer.get_config() == keras.optimizers.Adam(name=optimizer.name).get_config()


def test_adamw_without_decay_is_accepted() -> None:
    assert _optimizer(Fit(learning_rate=0.001, optimizer="adamw", weight_decay=0.0)).weight_decay == 0.0


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("adam", keras.optimizers.Adam),
        ("adamw", keras.optimizers.AdamW),
        ("sgd", keras.optimizers.SGD),
        ("rmsprop", keras.optimizers.RMSprop),
    ],
)
def test_each_name_is_the_optimizer_of_that_name(name: str, kind: type) -> None:
    optimizer = _optimizer(Fit(learning_rate=0.01, optimizer=name, weight_decay=0.003))

    assert (type(optimizer), float(optimizer.learning_rate), optimizer.weight_decay) == (
        kind,
        pytest.approx(0.01),
        0.003,
    )


def test_sgd_has_nesterov_momentum() -> None:
    optimizer = _optimizer(Fit(learning_rate=0.01, optimizer="sgd"))

    assert (optimizer.momentum, optimizer.nesterov) == (0.9, True)


def test_sgd_without_momentum_is_plain_gradient_descent() -> None:
    optimizer = _optimizer(Fit(learning_rate=0.01, optimizer="sgd", momentum=0.0))

    assert (optimizer.momentum, optimizer.nesterov) == (0.0, False)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "rmsprop"])
def test_weight_decay_shrinks_matrices_by_rate_times_decay_and_leaves_the_rest(name: str) -> None:
    model = _model()
    for weight in model.trainable_weights:
        weight.assign(np.ones(weight.shape))
    optimizer = _optimizer(Fit(learning_rate=0.5, optimizer=name, weight_decay=0.1), model)
    optimizer.apply([np.zeros(w.shape, np.float32) for w in model.trainable_weights], model.trainable_weights)

    assert {w.path.split("/")[-1]: float(np.mean(w)) for w in model.trainable_weights} == pytest.approx(
        {"kernel": 0.95, "bias": 1.0, "gamma": 1.0, "beta": 1.0}
    )


@pytest.mark.parametrize(
    ("curve", "warmup", "rates"),
    [
        ("constant", 0.2, [0.5, 1, 1, 1, 1, 1, 1, 1, 1, 1]),
        ("cosine", 0.0, [0.5 + 0.5 * np.cos(np.pi * step / 10) for step in range(10)]),
        ("cosine", 0.2, [0.5, 1, *(0.5 + 0.5 * np.cos(np.pi * step / 8) for step in range(8))]),
        ("step", 0.0, [1, 1, 1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01]),
        ("one_cycle", 0.0, [1 / 3, 2 / 3, 1, *(1 - step / 7 for step in range(7))]),
        ("one_cycle", 0.5, [0.2, 0.4, 0.6, 0.8, 1, *(1 - step / 5 for step in range(5))]),
    ],
)
def test_a_schedule_rises_then_follows_its_curve(curve: str, warmup: float, rates: list[float]) -> None:
    assert _rates(curve, warmup) == pytest.approx(rates, abs=1e-6)


def test_the_optimizer_follows_the_schedule() -> None:
    optimizer = _optimizer(Fit(learning_rate=0.4, schedule="cosine"))
    optimizer.iterations.assign(50)

    assert float(optimizer.learning_rate) == pytest.approx(0.2)
