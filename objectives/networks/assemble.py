"""From a recipe's network to a Keras model: stored pixels in, class probabilities out."""

from __future__ import annotations

from collections.abc import Iterator

import keras
from keras import layers

from objectives.networks import dense, residual, transfer
from objectives.networks.registry import build
from spaces.errors import SpaceError
from spaces.recipe import ConvNet, ImageShape, Recipe, Stage

__all__ = ["assemble", "convolutional", "dense", "residual", "transfer"]  # the modules register their builders

_poolings = {"max": layers.MaxPooling2D, "average": layers.AveragePooling2D}
_summaries = {
    "flatten": layers.Flatten,
    "average": layers.GlobalAveragePooling2D,
    "max": layers.GlobalMaxPooling2D,
}


NORM_MOMENTUM = 0.9
"""Of batch norm's running mean and variance. Keras' 0.99 lags hundreds of steps behind: after an epoch of
a small dataset, what is measured on validation images would be another network than the one in training."""


def assemble(recipe: Recipe, *, images: ImageShape, classes: int) -> keras.Model:
    """Return the whole model of a recipe, with fresh weights, as it is saved.

    It takes images (n, height, width, channels) with pixels 0 to 255, uint8 or float, and gives
    float32 probabilities (n, classes). Raises `SpaceError` for one sigmoid unit with other than two classes.
    """
    stored = keras.Input((images.height, images.width, images.channels), name="images")
    features = build(recipe.network, _scaled(stored, recipe.pixels))
    return keras.Model(stored, _probabilities(features, recipe.output, classes), name="network")


def _probabilities(features: keras.KerasTensor, output: str, classes: int) -> keras.KerasTensor:
    if output == "softmax":
        return layers.Dense(classes, activation="softmax", dtype="float32", name="probabilities")(features)
    if classes != 2:
        raise SpaceError(f"output is 'sigmoid' with {classes} classes; accepted: 2 classes, or output 'softmax'")
    second = layers.Dense(1, activation="sigmoid", dtype="float32", name="second_class")(features)
    first = layers.Rescaling(-1.0, offset=1.0, dtype="float32", name="first_class")(second)
    return layers.Concatenate(dtype="float32", name="probabilities")([first, second])


def _scaled(stored: keras.KerasTensor, pixels: str) -> keras.KerasTensor:
    if pixels == "unit":
        return layers.Rescaling(1 / 255, name="pixels")(stored)
    if pixels == "symmetric":
        return layers.Rescaling(1 / 127.5, offset=-1.0, name="pixels")(stored)
    return stored


@build.register
def convolutional(network: ConvNet, images: keras.KerasTensor) -> keras.KerasTensor:
    """Apply a plain convolutional network to symbolic images (n, height, width, channels)."""
    x = images
    kernels = iter(network.kernels)
    for number, stage in enumerate(network.stages, start=1):
        x = _stage(x, stage, network, kernels, name=f"stage{number}")
    x = _summaries[network.summary](name="summary")(x)
    if network.dense_units:
        x = layers.Dense(network.dense_units, activation=network.activation, name="dense")(x)
    if network.dense_dropout:
        x = layers.Dropout(network.dense_dropout, name="dense_dropout")(x)
    return x


def _stage(
    x: keras.KerasTensor, stage: Stage, network: ConvNet, kernels: Iterator[int], *, name: str
) -> keras.KerasTensor:
    for number in range(1, stage.convolutions + 1):
        x = _convolution(x, stage.filters, network, kernel=next(kernels), name=f"{name}_convolution{number}")
    if stage.pool and min(_sides(x)) >= 2:
        x = _poolings[network.pooling](2, name=f"{name}_pooling")(x)
    if network.dropout:
        x = layers.Dropout(network.dropout, name=f"{name}_dropout")(x)
    return x


def _convolution(x: keras.KerasTensor, filters: int, network: ConvNet, *, kernel: int, name: str) -> keras.KerasTensor:
    padding = network.padding if kernel <= min(_sides(x)) else "same"
    if not network.batch_norm:
        return layers.Conv2D(filters, kernel, padding=padding, activation=network.activation, name=name)(x)
    x = layers.Conv2D(filters, kernel, padding=padding, use_bias=False, name=name)(x)
    x = layers.BatchNormalization(momentum=NORM_MOMENTUM, name=f"{name}_norm")(x)
    return layers.Activation(network.activation, name=f"{name}_activation")(x)


def _sides(x: keras.KerasTensor) -> tuple[int, int]:
    _, height, width, _ = x.shape
    return height, width
