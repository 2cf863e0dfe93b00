"""A trained network's table of layers, and its feature maps of one image a class."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
from numpy.typing import NDArray

from objectives.messages import Examples, Layer, LayerMaps, NetworkInside, Predictions

_makes_maps = (
    keras.layers.Conv2D,
    keras.layers.SeparableConv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
)
_classes_most = 10
_layers_most = 8
_channels_most = 8
_side_most = 64
"""Pixels of a map; larger ones are subsampled."""


def look_inside(model: keras.Model, examples: Examples, predictions: Predictions) -> NetworkInside:
    """Return a network's layers, and feature maps of up to ten classes: of the image that each is most certain of.

    Args:
        model: a functional Keras model that takes the examples' pixels.
        examples: images, n at least 1.
        predictions: the model's, on those examples.

    Returns:
        All its layers; feature maps of up to eight convolutions and poolings spread over its depth,
        of each the eight channels that vary most.
    """
    rows = _surest(predictions)
    shown = examples.images[examples.indices[rows]]
    pictured = _spread([layer for layer in model.layers if _has_maps(layer)])
    return NetworkInside(
        layers=tuple(_described(layer) for layer in leaves(model) if not isinstance(layer, keras.layers.InputLayer)),
        maps=tuple(
            LayerMaps(layer=layer.name, pixels=_stretched(found))
            for layer, found in zip(pictured, _outputs(model, pictured, shown), strict=True)
        ),
        classes=tuple(predictions.labels[rows].tolist()),
        images=tuple(predictions.images[rows].tolist()),
    )


def _surest(predictions: Predictions) -> NDArray[np.intp]:
    """Return the row of each class that has images, where its probability is largest."""
    rows = [np.flatnonzero(predictions.labels == label) for label in np.unique(predictions.labels)[:_classes_most]]
    return np.array([of[predictions.probabilities[of, predictions.labels[of[0]]].argmax()] for of in rows])


def leaves(model: keras.Model) -> Iterator[keras.Layer]:
    """Yield the layers in their order, with those of a network inside the network."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from leaves(layer)
        else:
            yield layer


def _described(layer: keras.Layer) -> Layer:
    return Layer(
        name=layer.name, kind=type(layer).__name__, output=_output_shape(layer), parameters=layer.count_params()
    )


def _output_shape(layer: keras.Layer) -> tuple[int, ...]:
    return tuple(side or 0 for side in keras.tree.flatten(layer.output)[0].shape[1:])


def _has_maps(layer: keras.Layer) -> bool:
    shape = _output_shape(layer)
    return isinstance(layer, _makes_maps) and len(shape) == 3 and min(shape[:2]) > 1


def _spread(layers: list[keras.Layer]) -> list[keras.Layer]:
    places = np.linspace(0, len(layers) - 1, min(len(layers), _layers_most)).round().astype(int)
    return [layers[place] for place in places]


def _outputs(model: keras.Model, of: list[keras.Layer], images: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    if not of:
        return []
    found = keras.Model(model.input, [layer.output for layer in of])(images, training=False)
    return [keras.ops.convert_to_numpy(output) for output in keras.tree.flatten(found)]


def _stretched(maps: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return (images, height, width, channels) small, with few channels, each map from black to white."""
    most_varied = np.argsort(-maps.std(axis=(0, 1, 2)), kind="stable")[:_channels_most]
    step = -(-max(maps.shape[1:3]) // _side_most)
    few = maps[:, ::step, ::step, np.sort(most_varied)]
    low, high = few.min(axis=(1, 2), keepdims=True), few.max(axis=(1, 2), keepdims=True)
    stretched: NDArray[np.uint8] = np.rint(255 * (few - low) / np.maximum(high - low, 1e-12)).astype(np.uint8)
    return stretched
