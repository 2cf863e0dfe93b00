"""A recipe is checked where it is made, and survives JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spaces.errors import RecordError
from spaces.networks import ACTIVATIONS, PADDINGS, POOLINGS, SUMMARIES
from spaces.recipe import (
    CLASS_WEIGHTS,
    FILLS,
    MLP,
    OPTIMIZERS,
    OUTPUTS,
    PIXELS,
    SCHEDULES,
    Augment,
    ConvNet,
    Fit,
    Recipe,
    ResNet,
    Stage,
)

fractions = st.floats(0.0, 1.0, exclude_max=True)
networks = st.one_of(
    st.builds(
        ConvNet,
        stages=st.lists(
            st.builds(Stage, filters=st.integers(1, 512), convolutions=st.integers(0, 4), pool=st.booleans()),
            max_size=5,
        ).map(tuple),
        kernel=st.integers(1, 7),
        padding=st.sampled_from(PADDINGS),
        activation=st.sampled_from(ACTIVATIONS),
        batch_norm=st.booleans(),
        pooling=st.sampled_from(POOLINGS),
        dropout=fractions,
        summary=st.sampled_from(SUMMARIES),
        dense_units=st.integers(0, 512),
        dense_dropout=fractions,
    ),
    st.builds(
        MLP,
        units=st.lists(st.integers(1, 4096), max_size=4).map(tuple),
        activation=st.sampled_from(ACTIVATIONS),
        batch_norm=st.booleans(),
        dropout=fractions,
    ),
    st.builds(
        ResNet,
        blocks=st.integers(1, 18),
        filters=st.integers(1, 64),
        stages=st.integers(1, 5),
        preactivation=st.booleans(),
        dropout=fractions,
    ),
)
recipes = st.builds(
    Recipe,
    network=networks,
    fit=st.builds(
        Fit,
        learning_rate=st.floats(0.0, 1e6, exclude_min=True),
        optimizer=st.sampled_from(OPTIMIZERS),
        momentum=fractions,
        schedule=st.sampled_from(SCHEDULES),
        warmup=fractions,
        weight_decay=st.floats(0.0, 1.0),
        label_smoothing=fractions,
        class_weights=st.sampled_from(CLASS_WEIGHTS),
        batch_size=st.integers(1, 4096),
    ),
    augment=st.builds(
        Augment,
        flip_horizontal=st.booleans(),
        flip_vertical=st.booleans(),
        shift=fractions,
        rotation_degrees=st.floats(0.0, 180.0),
        zoom=fractions,
        shear=fractions,
        fill=st.sampled_from(FILLS),
        brightness=fractions,
        contrast=fractions,
        cutout=fractions,
        mixup=st.floats(0.0, 10.0),
    ),
    pixels=st.sampled_from(PIXELS),
    output=st.sampled_from(OUTPUTS),
)

NETWORK: dict[str, Any] = {"stages": (Stage(filters=8, convolutions=1),), "kernel": 3}
RECIPE = Recipe(network=ConvNet(**NETWORK), fit=Fit(learning_rate=0.1))


@settings(deadline=None)  # a slow machine says nothing of the rule
@given(recipes)
def test_a_recipe_survives_json(recipe: Recipe) -> None:
    assert Recipe.from_json(recipe.to_json()) == recipe


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "recipe is not JSON"),
        ("[]", "invalid recipe '\\[\\]': expected an object"),
        (RECIPE.to_json().replace('"kernel"', '"kernal"'), "recipe.network: unknown key 'kernal'"),
        (RECIPE.to_json().replace('"ConvNet"', '"Mlp9"'), "invalid recipe.network.type 'Mlp9': expected .*ConvNet"),
        (RECIPE.to_json().replace('"relu"', '"rulu"'), "recipe.network: invalid activation 'rulu': expected relu, "),
        (
            RECIPE.to_json().replace('"learning_rate": 0.1', '"learning_rate": null'),
            "invalid recipe.fit.learning_rate 'None'",
        ),
    ],
)
def test_a_damaged_text_is_refused(text: str, said: str) -> None:
    with pytest.raises(RecordError, match=said):
        Recipe.from_json(text)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"kernel": 0}, "invalid kernel 0: expected 1 or more"),
        ({"padding": "full"}, "invalid padding 'full': expected same, valid"),
        ({"pooling": "median"}, "invalid pooling 'median': expected max, average"),
        ({"summary": "sum"}, "invalid summary 'sum': expected flatten, average, max"),
        ({"dropout": 1.0}, "invalid dropout 1.0: expected 0 up to, but not including, 1"),
        ({"dense_dropout": -0.1}, "invalid dense_dropout -0.1"),
        ({"dense_units": -1}, "invalid dense_units -1: expected 0 or more"),
    ],
)
def test_a_network_that_cannot_be_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(RecordError, match=said):
        ConvNet(**NETWORK | changed)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"learning_rate": 0.0}, "invalid learning_rate 0.0: expected more than 0"),
        ({"learning_rate": float("nan")}, "invalid learning_rate nan"),
        ({"optimizer": "lion"}, "invalid optimizer 'lion': expected adam, adamw, sgd, rmsprop"),
        ({"momentum": 1.0}, "invalid momentum 1.0: expected 0 up to, but not including, 1"),
        ({"schedule": "linear"}, "invalid schedule 'linear': expected constant, cosine, one_cycle, step"),
        ({"class_weights": "even"}, "invalid class_weights 'even': expected none, balanced, sqrt"),
        ({"warmup": 1.0}, "invalid warmup 1.0"),
        ({"weight_decay": -1e-9}, "invalid weight_decay -1e-09: expected 0 or more"),
        ({"label_smoothing": 1.0}, "invalid label_smoothing 1.0"),
        ({"batch_size": 0}, "invalid batch_size 0: expected 1 or more"),
    ],
)
def test_a_way_to_train_that_cannot_be_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(RecordError, match=said):
        Fit(**{"learning_rate": 0.1} | changed)


@pytest.mark.parametrize("changed", [{"filters": 0}, {"convolutions": -1}])
def test_a_stage_that_cannot_be_is_refused(changed: dict[str, int]) -> None:
    with pytest.raises(RecordError, match="expected (1 or more|0 to 1000)"):
        Stage(**{"filters": 8, "convolutions": 1} | changed)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"shift": 1.0}, "invalid shift 1.0: expected 0 up to, but not including, 1"),
        ({"zoom": -0.1}, "invalid zoom -0.1: expected 0 "),
        ({"shear": 1.0}, "invalid shear 1.0: expected 0 "),
        ({"brightness": 1.5}, "invalid brightness 1.5: expected 0 "),
        ({"contrast": -1.0}, "invalid contrast -1.0: expected 0 "),
        ({"cutout": 1.0}, "invalid cutout 1.0: expected 0 "),
        ({"rotation_degrees": 181.0}, "invalid rotation_degrees 181.0: expected 0 to 180"),
        ({"mixup": 11.0}, "invalid mixup 11.0: expected 0 to 10"),
        ({"fill": "mirror"}, "invalid fill 'mirror': expected nearest, constant, reflect, wrap"),
    ],
)
def test_an_augmentation_that_cannot_be_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(RecordError, match=said):
        Augment(**changed)


def test_an_output_that_cannot_be_is_refused() -> None:
    with pytest.raises(RecordError, match="invalid output 'tanh': expected softmax, sigmoid"):
        Recipe(network=ConvNet(**NETWORK), fit=Fit(learning_rate=0.1), output="tanh")


@pytest.mark.parametrize("units", [0, -1])
def test_a_hidden_layer_without_units_is_refused(units: int) -> None:
    with pytest.raises(RecordError, match=f"invalid units {units}: expected 1 or more"):
        MLP(units=(8, units))


@pytest.mark.parametrize("changed", [{"blocks": 0}, {"filters": 0}, {"stages": 0}])
def test_a_residual_network_of_nothing_is_refused(changed: dict[str, int]) -> None:
    with pytest.raises(RecordError, match="0: expected 1 (or more|to 30|to 1000)"):
        ResNet(**{"blocks": 1, "filters": 8} | changed)


def test_augmentation_is_off_by_default() -> None:
    assert RECIPE.augment.is_off


def test_any_change_turns_augmentation_on() -> None:
    assert not Augment(zoom=0.1).is_off


def test_what_fills_an_edge_alone_changes_nothing() -> None:
    assert Augment(fill="wrap").is_off


def test_stored_text_ends_with_a_newline_and_names_the_network() -> None:
    text = RECIPE.to_json()

    assert (text[-1], json.loads(text)["network"]["type"]) == ("\n", "ConvNet")
