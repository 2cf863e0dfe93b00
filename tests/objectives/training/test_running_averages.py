"""Running averages hold nothing of the values that they begin with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from objectives.evaluation import predicting
from objectives.evaluation.metrics import METRICS
from objectives.messages import Objective, StudyData
from objectives.networks.registry import build
from objectives.training.running_averages import RunningAverages
from objectives.training.training import Training
from spaces.networks import Network
from spaces.recipe import ConvNet, Fit, Recipe, Stage

pytestmark = pytest.mark.slow

STEPS = 3
NORMED = Recipe(
    network=ConvNet(
        stages=tuple(Stage(filters=filters, convolutions=2) for filters in (16, 32, 64)), kernel=3, batch_norm=True
    ),
    fit=Fit(optimizer="adam", learning_rate=0.003, batch_size=64),
)


class Normed(layers.Layer):
    """A user's own layer with a norm inside."""

    def __init__(self, norm: layers.BatchNormalization) -> None:
        super().__init__()
        self.norm = norm

    def call(self, inputs: Any, training: bool = False) -> Any:  # noqa: FBT001  # Keras' signature
        return self.norm(inputs, training=training)


def _batches() -> list[np.ndarray]:
    return [np.random.default_rng(step).normal(5.0, 3.0, (50, 4)).astype(np.float32) for step in range(STEPS)]


def _stepped(norm: layers.BatchNormalization, layer: layers.Layer) -> layers.BatchNormalization:
    model = keras.Sequential([keras.Input((4,)), layer])
    averages = RunningAverages(model)
    for batch in _batches():
        model(batch, training=True)
    averages.take_out_initial_values(steps=STEPS)
    return norm


def _expected(momentum: float) -> tuple[np.ndarray, np.ndarray]:
    """Average with weights that fall by `momentum` a step into the past, and add up to 1."""
    weights = momentum ** np.arange(STEPS)[::-1]
    weights /= weights.sum()
    means, variances = (np.array([of(batch, axis=0) for batch in _batches()]) for of in (np.mean, np.var))
    return weights @ means, weights @ variances


@pytest.mark.parametrize("momentum", [0.9, 0.99])
@pytest.mark.parametrize("wrap", [lambda norm: norm, Normed], ids=["layer", "inside a user's own"])
def test_they_are_weighted_averages_of_the_batches(momentum: float, wrap: Any) -> None:
    norm = layers.BatchNormalization(momentum=momentum)
    _stepped(norm, wrap(norm))
    mean, variance = _expected(momentum)

    np.testing.assert_allclose(norm.moving_mean.numpy(), mean, rtol=1e-4)
    np.testing.assert_allclose(norm.moving_variance.numpy(), variance, rtol=1e-3)


def test_a_frozen_norm_keeps_its_averages() -> None:
    norm = layers.BatchNormalization(trainable=False)
    _stepped(norm, norm)

    assert norm.moving_mean.numpy().tolist() == [0.0] * 4
    assert norm.moving_variance.numpy().tolist() == [1.0] * 4


class Twice(Normed):
    """Calls its norm twice a step."""

    def call(self, inputs: Any, training: bool = False) -> Any:  # noqa: FBT001  # Keras' signature
        self.norm(inputs, training=training)
        return self.norm(inputs, training=training)


def test_a_norm_that_fades_faster_than_was_counted_never_gets_a_negative_variance() -> None:
    norm = layers.BatchNormalization()
    model = keras.Sequential([keras.Input((4,)), Twice(norm)])
    averages = RunningAverages(model)
    for _ in range(STEPS):
        model(0.01 * _batches()[0], training=True)
    kept = norm.moving_variance.numpy()
    averages.take_out_initial_values(steps=STEPS)

    np.testing.assert_array_equal(norm.moving_variance.numpy(), kept)


class Own(Network):
    """A user's own network, whose norms lie inside layers of theirs."""


@build.register
def _own(network: Own, images: keras.KerasTensor) -> keras.KerasTensor:
    x = images
    for filters in (16, 32, 64):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.Activation("relu")(Normed(layers.BatchNormalization(momentum=0.9))(x))
    return layers.GlobalAveragePooling2D()(x)


def _training(data: StudyData, *, recipe: Recipe = NORMED, corrects_averages: bool = True) -> Training:
    objective = Objective(metric="val_accuracy", epochs=3, corrects_averages=corrects_averages)
    return Training(recipe=recipe, data=data, objective=objective, seed=0)


@pytest.mark.parametrize("network", [NORMED.network, Own()], ids=["ours", "a user's own"])
def test_a_normalised_network_scores_above_chance_after_a_few_steps(small_digits: StudyData, network: Network) -> None:
    recipe = replace(NORMED, network=network)
    uncorrected, corrected = (
        _training(small_digits, recipe=recipe, corrects_averages=corrects).advance().score for corrects in (False, True)
    )

    assert corrected > uncorrected + 0.2


def test_a_training_resumed_after_the_first_epoch_goes_on_with_corrected_averages(small_digits: StudyData) -> None:
    straight = _training(small_digits)
    straight.advance()
    checkpoint = straight.checkpoint()
    resumed = _training(small_digits)
    resumed.restore(checkpoint)

    assert [resumed.advance().score for _ in range(2)] == [straight.advance().score for _ in range(2)]
    for one, other in zip(resumed.checkpoint().variables, straight.checkpoint().variables, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_saved_model_has_the_averages_that_were_measured(small_digits: StudyData) -> None:
    training = _training(small_digits)
    score = training.advance().score
    model = training.finish(keep_model=True).model
    assert model is not None
    found = predicting.predict(model, small_digits.validation)

    assert METRICS["val_accuracy"].measure(found.probabilities, found.labels) == score
