"""The space of plain convolutional networks: its baseline is the notebook's, its stages fit the images."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spaces.builtin import cnn_cifar
from spaces.catalogue import find_space
from spaces.parameters import find_parameters, recipe_for
from spaces.recipe import Augment, ConvNet, Fit, ImageShape, Recipe, Stage
from spaces.space import ParameterValue
from tests.spaces.baselines import baseline_recipe

CIFAR = ImageShape(height=32, width=32, channels=3)


def test_the_baseline_is_the_notebook_to_the_letter() -> None:
    assert baseline_recipe(find_space("cnn_cifar"), "cifar_notebook_2021", images=CIFAR, classes=10) == Recipe(
        network=ConvNet(
            stages=tuple(Stage(filters=filters, convolutions=2) for filters in (32, 64, 128)),
            kernel=3,
            first_kernel=3,
            padding="same",
            activation="relu",
            pooling="max",
            summary="flatten",
        ),
        augment=Augment(),
        fit=Fit(optimizer="adam", learning_rate=1e-3, batch_size=80),
        pixels="unit",
    )


def _small(name: str) -> Recipe:
    return baseline_recipe(find_space("cnn_cifar"), name, images=CIFAR, classes=10)


def test_the_small_baseline_is_that_of_the_2x2_notebook() -> None:
    assert _small("cifar_small") == Recipe(
        network=ConvNet(
            stages=(
                Stage(filters=32, convolutions=1),
                Stage(filters=64, convolutions=1),
                Stage(filters=64, convolutions=1, pool=False),
            ),
            kernel=3,
            first_kernel=3,
            padding="valid",
            dense_units=64,
        ),
        fit=Fit(optimizer="adam", learning_rate=1e-3, batch_size=64),
    )


def test_its_augmented_twin_differs_in_augmentation_alone() -> None:
    augment = Augment(flip_horizontal=True, shift=0.2, rotation_degrees=20.0)

    assert _small("cifar_small_augmented") == replace(_small("cifar_small"), augment=augment)


@pytest.mark.parametrize(("side", "stages"), [(1, 3), (8, 3), (28, 3), (32, 4), (64, 5), (300, 5)])
def test_larger_images_may_have_more_stages(side: int, stages: int) -> None:
    assert cnn_cifar.most_stages(ImageShape(height=side, width=side, channels=3)) == stages


def test_filters_double_from_stage_to_stage() -> None:
    recipe = baseline_recipe(find_space("cnn_cifar"), "cifar_notebook_2021", images=CIFAR, classes=10)

    assert isinstance(recipe.network, ConvNet)
    assert [stage.filters for stage in recipe.network.stages] == [32, 64, 128]


def _stages(**changed: ParameterValue) -> list[tuple[int, int, bool]]:
    params = cnn_cifar.CIFAR_NOTEBOOK_2021 | changed
    network = recipe_for(find_space("cnn_cifar"), params, images=CIFAR, classes=10).network
    assert isinstance(network, ConvNet)
    return [(stage.filters, stage.convolutions, stage.pool) for stage in network.stages]


def test_an_early_pooling_comes_before_the_last_convolution_of_its_stage_and_pays_for_twice_the_filters() -> None:
    assert _stages(early_pool=True, convolutions=3, stages=2, filters=16, last_pool=False) == [
        (32, 2, True),
        (32, 1, False),
        (64, 2, False),
        (64, 1, False),
    ]


def test_a_single_convolution_comes_before_its_pooling() -> None:
    assert _stages(early_pool=True, convolutions=1) == _stages(early_pool=False, convolutions=1)


def test_rates_and_decays_are_searched_on_a_logarithmic_scale() -> None:
    found = find_parameters(find_space("cnn_cifar"), images=CIFAR, classes=10)

    assert {parameter.name for parameter in found if parameter.log} == {"learning_rate", "weight_decay"}
