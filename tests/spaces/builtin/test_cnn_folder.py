"""The space of networks for folders: its baselines are the notebooks', its choices fit the classes."""

from __future__ import annotations

import pytest

from spaces.catalogue import find_space
from spaces.parameters import find_parameters
from spaces.recipe import ConvNet, Fit, ImageShape, Recipe, Stage
from tests.spaces.baselines import baseline_recipe

FOLDER = ImageShape(height=64, width=64, channels=3)


def _baseline(name: str) -> Recipe:
    return baseline_recipe(find_space("cnn_folder"), name, images=FOLDER, classes=18)


def _outputs(classes: int) -> object:
    found = find_parameters(find_space("cnn_folder"), images=FOLDER, classes=classes)
    return next(parameter.choices for parameter in found if parameter.name == "output")


def test_the_simpsons_baseline_is_the_notebook_to_the_letter() -> None:
    assert _baseline("simpsons_notebook_2019") == Recipe(
        network=ConvNet(
            stages=(
                *(Stage(filters=filters, convolutions=1) for filters in (32, 128, 512)),
                Stage(filters=1, convolutions=0),
            ),
            kernel=3,
            padding="valid",
            dense_units=500,
            dense_dropout=0.5,
        ),
        fit=Fit(optimizer="adam", learning_rate=1e-3, batch_size=32),
    )


def test_the_course_baseline_is_the_course_s_network() -> None:
    assert _baseline("course_multiclass") == Recipe(
        network=ConvNet(
            stages=tuple(Stage(filters=filters, convolutions=1) for filters in (16, 32, 64)),
            kernel=3,
            padding="valid",
            dense_units=512,
        ),
        fit=Fit(optimizer="rmsprop", learning_rate=1e-3, batch_size=32),
    )


@pytest.mark.parametrize(("classes", "outputs"), [(2, ("softmax", "sigmoid")), (3, ("softmax",))])
def test_one_sigmoid_unit_is_offered_for_two_classes_only(classes: int, outputs: tuple[str, ...]) -> None:
    assert _outputs(classes) == outputs
