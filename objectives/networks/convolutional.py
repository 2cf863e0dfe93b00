"""Plain convolutional networks."""

from __future__ import annotations

from collections.abc import Iterator

import keras
from keras import layers

from objectives.networks.head import head
from objectives.networks.registry import NORM_MOMENTUM, build
from spaces.recipe import ConvNet, Stage
from spaces.transfer import Head

_poolings = {"max": layers.MaxPooling2D, "average": layers.AveragePooling2D}


@build.register
def convolutional(network: ConvNet, images: keras.KerasTensor) -> keras.KerasTensor:
    """Apply a plain convolutional network to symbolic images (n, height, width, channels)."""
    x = images
    kernels = iter(network.kernels)
    for number, stage in enumerate(network.stages, start=1):
        x = _stage(x, stage, network, kernels, name=f"stage{number}")
    top = Head(
        summary=network.summary,
        dense_units=network.dense_units,
        activation=network.activation,
        dropout=network.dense_dropout,
    )
    return head(top, x)


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
