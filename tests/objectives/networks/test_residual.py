"""A residual network is that of the papers."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from objectives.networks.assemble import assemble
from spaces.recipe import Fit, ImageShape, Recipe, ResNet

CIFAR = ImageShape(height=32, width=32, channels=3)


def _assemble(network: ResNet, images: ImageShape = CIFAR) -> keras.Model:
    return assemble(Recipe(network=network, fit=Fit(learning_rate=0.1)), images=images, classes=10)


def _trained(model: keras.Model) -> int:
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.mark.parametrize(("blocks", "parameters"), [(3, 272_474), (5, 466_906)])
def test_resnet_20_and_32_have_their_parameters(blocks: int, parameters: int) -> None:
    assert _trained(_assemble(ResNet(blocks=blocks, filters=16))) == parameters


@pytest.mark.parametrize("version", [1, 2])
def test_it_has_six_n_plus_two_weighted_layers(version: int) -> None:
    layers = _assemble(ResNet(blocks=2, filters=4, preactivation=version == 2)).layers
    weighted = [layer for layer in layers if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense)]

    assert len([layer for layer in weighted if "projection" not in layer.name]) == 14


def test_a_shortcut_is_projected_where_the_shape_changes() -> None:
    layers = _assemble(ResNet(blocks=2, filters=4)).layers
    projections = [layer.name for layer in layers if layer.name.endswith("projection")]

    assert projections == ["stage2_block1_projection", "stage3_block1_projection"]


@pytest.mark.parametrize("version", [1, 2])
def test_each_stage_halves_the_side_and_doubles_the_filters(version: int) -> None:
    model = _assemble(ResNet(blocks=1, filters=4, preactivation=version == 2))

    assert [model.get_layer(f"stage{stage}_block1_sum").output.shape[1:] for stage in (1, 2, 3)] == [
        (32, 32, 4),
        (16, 16, 8),
        (8, 8, 16),
    ]


def test_after_a_sum_comes_an_activation_unless_it_came_before() -> None:
    names = [
        {layer.name for layer in _assemble(ResNet(blocks=1, filters=4, preactivation=before)).layers}
        for before in (False, True)
    ]

    assert ["stage1_block1_out" in found for found in names] == [True, False]


def test_dropout_lies_between_the_convolutions_of_each_block() -> None:
    layers = [layer.name for layer in _assemble(ResNet(blocks=1, filters=4, dropout=0.2)).layers]
    first, drop, second = (layers.index(f"stage1_block1_{x}") for x in ("convolution1", "dropout", "convolution2"))

    assert first < drop < second


@pytest.mark.parametrize("side", [(1, 1, 1), (7, 300, 3)])
def test_it_builds_for_any_images(side: tuple[int, int, int]) -> None:
    height, width, channels = side
    model = _assemble(ResNet(blocks=1, filters=2), ImageShape(height=height, width=width, channels=channels))

    assert model.output_shape == (None, 10)
