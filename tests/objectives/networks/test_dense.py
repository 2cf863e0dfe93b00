"""A fully connected network is the one that a person would write down for it."""

from __future__ import annotations

import keras
import pytest

from objectives.networks.assemble import assemble
from spaces.recipe import MLP, Fit, ImageShape, Recipe


def _assemble(network: MLP) -> keras.Model:
    recipe = Recipe(network=network, fit=Fit(learning_rate=0.1))
    return assemble(recipe, images=ImageShape(height=28, width=28, channels=1), classes=10)


@pytest.mark.parametrize(("units", "parameters"), [((), 7_850), ((32,), 25_450), ((64, 64), 55_050)])
def test_it_has_the_parameters_of_its_layers(units: tuple[int, ...], parameters: int) -> None:
    assert _assemble(MLP(units=units)).count_params() == parameters


def test_dropout_follows_each_hidden_layer() -> None:
    kinds = [type(layer).__name__ for layer in _assemble(MLP(units=(8, 4), dropout=0.25)).layers]

    assert kinds == ["InputLayer", "Rescaling", "Flatten", "Dense", "Dropout", "Dense", "Dropout", "Dense"]


def test_a_norm_stands_between_weights_and_activation() -> None:
    model = _assemble(MLP(units=(8,), batch_norm=True, activation="sigmoid"))

    assert [type(layer).__name__ for layer in model.layers[3:6]] == ["Dense", "BatchNormalization", "Activation"]
    assert (model.layers[3].use_bias, model.layers[5].activation) == (False, keras.activations.sigmoid)


def test_hidden_layers_have_the_activation_asked_for() -> None:
    model = _assemble(MLP(units=(8, 8), activation="sigmoid"))

    assert [model.get_layer(name).activation for name in ("hidden1", "hidden2")] == [keras.activations.sigmoid] * 2
