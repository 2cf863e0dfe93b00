"""From a recipe's network to a Keras model: stored pixels in, class probabilities out."""

from __future__ import annotations

import keras
from keras import layers

from objectives.networks import convolutional, dense, residual, transfer
from objectives.networks.registry import build
from spaces.errors import SpaceError
from spaces.recipe import ImageShape, Recipe

__all__ = ["assemble", "convolutional", "dense", "residual", "transfer"]  # the modules register their builders


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
        raise SpaceError(f"invalid output 'sigmoid' with {classes} classes: expected 2 classes, or output 'softmax'")
    second = layers.Dense(1, activation="sigmoid", dtype="float32", name="second_class")(features)
    first = layers.Rescaling(-1.0, offset=1.0, dtype="float32", name="first_class")(second)
    return layers.Concatenate(dtype="float32", name="probabilities")([first, second])


def _scaled(stored: keras.KerasTensor, pixels: str) -> keras.KerasTensor:
    if pixels == "unit":
        return layers.Rescaling(1 / 255, name="pixels")(stored)
    if pixels == "symmetric":
        return layers.Rescaling(1 / 127.5, offset=-1.0, name="pixels")(stored)
    return stored
