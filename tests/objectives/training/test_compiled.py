"""A training that takes over what an earlier one compiled ends as one that compiled for itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

import keras
import numpy as np
import pytest

from objectives.evaluation import predicting
from objectives.messages import Objective, StudyData, TrainingResult
from objectives.networks.registry import build
from objectives.training import compiled
from objectives.training.compiled import CompiledNetworks
from objectives.training.failures import TrainingError
from objectives.training.training import Training
from spaces.networks import Network
from spaces.recipe import MLP, Augment, ConvNet, Fit, Recipe, ResNet, Stage

CONVOLUTIONS = ConvNet(
    stages=(Stage(filters=4, convolutions=1), Stage(filters=8, convolutions=1)),
    kernel=3,
    batch_norm=True,
    dropout=0.1,
    dense_units=16,
    dense_dropout=0.3,
)
PLAIN = Recipe(network=CONVOLUTIONS, fit=Fit(learning_rate=0.01, batch_size=32))
DECAYED = Fit(
    learning_rate=0.01, optimizer="adamw", schedule="one_cycle", weight_decay=1e-3, label_smoothing=0.1, batch_size=32
)
AUGMENTED = Recipe(
    network=CONVOLUTIONS,
    fit=DECAYED,
    augment=Augment(flip_horizontal=True, shift=0.1, brightness=0.1, cutout=0.2, mixup=0.2),
)
MOMENTUM = Recipe(
    network=MLP(units=(16, 16), dropout=0.2), fit=Fit(learning_rate=0.1, optimizer="sgd", schedule="cosine")
)
PAIRS = {
    "rates": (
        PLAIN,
        Recipe(
            network=replace(CONVOLUTIONS, dropout=0.3, dense_dropout=0.1), fit=Fit(learning_rate=0.002, batch_size=64)
        ),
    ),
    "augmented": (
        AUGMENTED,
        replace(
            AUGMENTED,
            fit=replace(DECAYED, learning_rate=0.003, weight_decay=1e-2, batch_size=16, warmup=0.1),
            augment=Augment(flip_horizontal=True, shift=0.2, zoom=0.1, contrast=0.3, cutout=0.4, mixup=0.4),
        ),
    ),
    "momentum": (MOMENTUM, replace(MOMENTUM, fit=replace(MOMENTUM.fit, learning_rate=0.02, weight_decay=0.0))),
    "residual": (
        Recipe(network=ResNet(blocks=1, filters=4, dropout=0.1), fit=Fit(learning_rate=0.01)),
        Recipe(network=ResNet(blocks=1, filters=4, dropout=0.2), fit=Fit(learning_rate=0.02)),
    ),
}


def _training(recipe: Recipe, data: StudyData, kept: CompiledNetworks | None, *, seed: int = 1) -> Training:
    objective = Objective(metric="val_loss", epochs=2)
    return Training(recipe=recipe, data=data, objective=objective, seed=seed, compiled=kept)


def _trained(recipe: Recipe, data: StudyData, kept: CompiledNetworks | None) -> TrainingResult:
    training = _training(recipe, data, kept)
    for _ in range(2):
        training.advance()
    return training.finish(keep_model=True)


def _weights(result: TrainingResult) -> list[np.ndarray]:
    assert result.model is not None
    weights: list[np.ndarray] = predicting.load_model(result.model).get_weights()
    return weights


@pytest.mark.parametrize(("first", "second"), PAIRS.values(), ids=PAIRS)
def test_taken_over_is_compiled_anew(first: Recipe, second: Recipe, small_digits: StudyData) -> None:
    fresh = _trained(second, small_digits, None)
    kept = CompiledNetworks()
    _trained(first, small_digits, kept)
    taken_over = _trained(second, small_digits, kept)

    assert len(kept) == 1
    assert taken_over.score == fresh.score
    np.testing.assert_array_equal(taken_over.predictions.probabilities, fresh.predictions.probabilities)
    for one, other in zip(_weights(taken_over), _weights(fresh), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_step_is_not_traced_again(small_digits: StudyData, monkeypatch: pytest.MonkeyPatch) -> None:
    traced: list[str] = []
    call = compiled.RatedDropout.call

    def counted(self: compiled.RatedDropout, inputs: object, **how: bool) -> object:
        traced.append(self.name)
        return call(self, inputs, **how)

    monkeypatch.setattr(compiled.RatedDropout, "call", counted)
    kept = CompiledNetworks()
    first, second = PAIRS["rates"]
    _training(first, small_digits, kept).advance()
    before = len(traced)
    _training(second, small_digits, kept).advance()

    assert before >= 3
    assert len(traced) == before


def test_the_saved_model_is_the_later_recipe_s(small_digits: StudyData) -> None:
    kept = CompiledNetworks()
    _trained(PLAIN, small_digits, kept)
    result = _trained(PAIRS["rates"][1], small_digits, kept)
    assert result.model is not None
    model = predicting.load_model(result.model)

    assert [layer.rate for layer in model.layers if "dropout" in layer.name] == [0.3, 0.3, 0.1]
    np.testing.assert_allclose(
        predicting.predict(result.model, small_digits.validation).probabilities,
        result.predictions.probabilities,
        atol=1e-6,
    )


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAIN, network=replace(CONVOLUTIONS, dense_units=8)),
        replace(PLAIN, network=replace(CONVOLUTIONS, dropout=0.0)),
        replace(PLAIN, network=replace(CONVOLUTIONS, activation="elu")),
        replace(PLAIN, pixels="symmetric"),
        replace(PLAIN, augment=Augment(shift=0.1)),
        replace(PLAIN, fit=replace(PLAIN.fit, optimizer="rmsprop")),
        replace(PLAIN, fit=replace(PLAIN.fit, schedule="cosine")),
        replace(PLAIN, fit=replace(PLAIN.fit, weight_decay=0.1)),
        replace(PLAIN, fit=replace(PLAIN.fit, label_smoothing=0.1)),
        replace(PLAIN, fit=replace(PLAIN.fit, class_weights="balanced")),
    ],
    ids=lambda recipe: "",
)
def test_another_structure_is_compiled_for_itself(other: Recipe, small_digits: StudyData) -> None:
    kept = CompiledNetworks()
    models = [_training(recipe, small_digits, kept)._compiled.model for recipe in (PLAIN, other)]

    assert (len(kept), models[0] is models[1]) == (2, False)


@dataclass(frozen=True, kw_only=True)
class Scaling(Network):
    """A network whose layer keeps its factor to itself."""

    factor: float


@build.register
def _scaling(network: Scaling, images: keras.KerasTensor) -> keras.KerasTensor:
    class Scaled(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
        def call(self, inputs: object) -> object:
            return inputs * network.factor  # type: ignore[operator]

    return keras.layers.Flatten()(Scaled()(images))


def test_a_layer_that_tells_half_of_itself_is_not_taken_for_another(small_digits: StudyData) -> None:
    kept = CompiledNetworks()
    for factor in (1.0, 2.0, 2.0):
        _training(Recipe(network=Scaling(factor=factor), fit=Fit(learning_rate=0.1)), small_digits, kept)

    assert len(kept) == 2


@pytest.mark.parametrize("name", PAIRS)
def test_a_new_step_is_traced_once(name: str, small_digits: StudyData, monkeypatch: pytest.MonkeyPatch) -> None:
    traced: list[keras.Model] = []
    step = keras.Model.train_step

    def watched(model: keras.Model, data: object) -> object:
        traced.append(model)
        return step(model, data)

    monkeypatch.setattr(keras.Model, "train_step", watched)
    _training(PAIRS[name][0], small_digits, None).advance()

    assert len(traced) == 1


def test_a_few_are_kept(small_digits: StudyData) -> None:
    kept = CompiledNetworks()
    for units in range(1, 8):
        _training(Recipe(network=MLP(units=(units,)), fit=Fit(learning_rate=0.1)), small_digits, kept)

    assert len(kept) == compiled._kept_most


def test_large_networks_are_not_kept(small_digits: StudyData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_weights_most", 100)
    kept = CompiledNetworks()
    _training(PLAIN, small_digits, kept)

    assert len(kept) == 0


def test_a_training_goes_on_in_a_network_that_others_used(small_digits: StudyData) -> None:
    """A checkpoint brings all that the compiled network may still hold of another training."""
    straight = _training(AUGMENTED, small_digits, None)
    straight.advance()
    checkpoint = straight.checkpoint()
    straight.advance()
    kept = CompiledNetworks()
    _trained(PAIRS["augmented"][1], small_digits, kept)
    gone_on = _training(AUGMENTED, small_digits, kept)
    gone_on.restore(checkpoint)
    gone_on.advance()

    np.testing.assert_array_equal(
        gone_on.finish(keep_model=False).predictions.probabilities,
        straight.finish(keep_model=False).predictions.probabilities,
    )


def test_what_diverged_leaves_nothing_behind(small_digits: StudyData) -> None:
    kept = CompiledNetworks()
    wild = replace(PLAIN, fit=Fit(learning_rate=1e30, optimizer="sgd", momentum=0.0))
    sane = replace(PLAIN, fit=Fit(learning_rate=0.01, optimizer="sgd", momentum=0.0, batch_size=32))
    fresh = _trained(sane, small_digits, None)
    with pytest.raises(TrainingError):
        _trained(wild, small_digits, kept)
    after = _trained(sane, small_digits, kept)

    np.testing.assert_array_equal(after.predictions.probabilities, fresh.predictions.probabilities)
