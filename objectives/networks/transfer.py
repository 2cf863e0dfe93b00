"""A pretrained network below, a head above: how the two are built, and how the lower one is unfrozen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from objectives.evaluation.inspection import leaves
from objectives.networks.backbones import load_cut, preprocessed
from objectives.networks.head import head
from objectives.networks.registry import build
from spaces.recipe import Recipe
from spaces.transfer import Transfer


@build.register
def transferred(network: Transfer, images: keras.KerasTensor) -> keras.KerasTensor:
    """Apply a pretrained network and its head to symbolic images with pixels 0 to 255; raises `DataError`."""
    return head(network.head, features_at_cut(network, images))


def features_at_cut(network: Transfer, images: keras.KerasTensor) -> keras.KerasTensor:
    """Apply a pretrained network up to its cut; images are made as large and as colourful as it needs them."""
    backbone = load_cut(network)
    _, height, width, channels = backbone.input_shape
    if images.shape[1:3] != (height, width):
        images = layers.Resizing(height, width, name="resized")(images)
    if (images.shape[-1], channels) == (1, 3):
        images = layers.Concatenate(name="three_channels")([images] * 3)
    elif (images.shape[-1], channels) == (3, 1):
        images = ops.image.rgb_to_grayscale(images)
    return backbone(preprocessed(images, network.backbone.name), training=False)


def unfreeze(model: keras.Model, layers_count: int) -> None:
    """Make the upper `layers_count` layers with weights below the cut trainable; compile the model afterwards.

    Batch norms are left out: frozen, they keep their original statistics.
    """
    model.get_layer("backbone").trainable = True
    for layer in _staying_frozen(model, layers_count):
        layer.trainable = False


def frozen_weights(model: keras.Model, recipe: Recipe) -> list[keras.Variable]:
    """Return the weights that no epoch of a training changes: below the cut, as far as that is not unfrozen later."""
    if not isinstance(recipe.network, Transfer):
        return []
    staying = _staying_frozen(model, recipe.unfreeze.layers if recipe.unfreeze else 0)
    return [weight for layer in staying for weight in layer.weights]


def slow_down(optimizer: keras.optimizers.Optimizer, model: keras.Model, *, rate: float) -> None:
    """Let an optimizer change what is unfrozen with a fraction `rate` of its learning rate."""
    slow = {id(weight) for weight in model.get_layer("backbone").trainable_weights}
    update = optimizer._backend_update_step  # Keras has one rate for all weights; each backend takes it here

    def update_in_two(gradients: Sequence[Any], variables: Sequence[Any], learning_rate: Any) -> None:
        pairs = list(zip(gradients, variables, strict=True))
        fast_pairs = [pair for pair in pairs if id(pair[1]) not in slow]
        slow_pairs = [pair for pair in pairs if id(pair[1]) in slow]
        update(*_unzipped(fast_pairs), learning_rate)
        update(*_unzipped(slow_pairs), learning_rate * rate)

    optimizer._backend_update_step = update_in_two


def _staying_frozen(model: keras.Model, unfrozen: int) -> list[keras.layers.Layer]:
    """Return the layers with weights below the cut, without the upper ones that are unfrozen."""
    weighted = [layer for layer in leaves(model.get_layer("backbone")) if layer.weights]
    norms = [layer for layer in weighted if isinstance(layer, layers.BatchNormalization)]
    others = [layer for layer in weighted if not isinstance(layer, layers.BatchNormalization)]
    return norms + others[: max(0, len(others) - unfrozen)]


def _unzipped(pairs: list[tuple[Any, Any]]) -> tuple[list[Any], list[Any]]:
    return [first for first, _ in pairs], [second for _, second in pairs]
