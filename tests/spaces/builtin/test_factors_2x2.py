"""The designed experiment changes one thing a factor."""

from __future__ import annotations

from dataclasses import replace

from spaces.catalogue import find_space
from spaces.parameters import recipe_for
from spaces.recipe import Augment, ConvNet, ImageShape, Recipe
from spaces.space import ParameterValue
from spaces.transfer import Transfer
from tests.spaces.baselines import baseline_recipe

CIFAR = ImageShape(height=32, width=32, channels=3)
SPACE = find_space("factors_2x2")


def _recipe(**factors: ParameterValue) -> Recipe:
    return recipe_for(SPACE, factors, images=CIFAR, classes=10)


def test_it_is_a_design_of_repeats() -> None:
    assert SPACE.repeats == 5


def test_neither_is_the_small_network_of_the_2x2_notebook() -> None:
    small = baseline_recipe(find_space("cnn_cifar"), "cifar_small", images=CIFAR, classes=10)

    neither = baseline_recipe(SPACE, "neither", images=CIFAR, classes=10)

    assert isinstance(small.network, ConvNet)
    assert isinstance(neither.network, ConvNet)
    assert neither.network.kernels == small.network.kernels
    assert neither == replace(small, network=replace(small.network, first_kernel=None))


def test_augmentation_changes_augmentation_alone() -> None:
    off, on = (_recipe(augmentation=augmentation, transfer=True) for augmentation in (False, True))

    assert replace(on, augment=Augment()) == off != on


def test_transfer_is_the_frozen_vgg16_of_the_2x2_notebook() -> None:
    frozen = baseline_recipe(find_space("transfer_frozen"), "cifar_vgg16", images=CIFAR, classes=10)
    network = _recipe(augmentation=False, transfer=True).network

    assert isinstance(network, Transfer)
    assert isinstance(frozen.network, Transfer)
    assert (network.backbone, network.side, network.head) == (
        frozen.network.backbone,
        frozen.network.side,
        frozen.network.head,
    )


def test_transfer_changes_the_network_and_what_goes_with_it_alone() -> None:
    off, on = (_recipe(augmentation=True, transfer=transfer) for transfer in (False, True))

    assert replace(on, network=off.network, pixels=off.pixels, views=off.views) == off
