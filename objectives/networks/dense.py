"""Builds fully connected networks."""

from __future__ import annotations

import keras
from keras import layers

from objectives.networks.registry import NORM_MOMENTUM, build
from spaces.networks import MLP


@build.register
def fully_connected(network: MLP, images: keras.KerasTensor) -> keras.KerasTensor:
    """Apply a fully connected network to symbolic images (n, height, width, channels)."""
    x = layers.Flatten(name="pixels_in_a_row")(images)
    for number, units in enumerate(network.units, start=1):
        x = _hidden(x, units, network, name=f"hidden{number}")
    return x


def _hidden(x: keras.KerasTensor, units: int, network: MLP, *, name: str) -> keras.KerasTensor:
    if network.batch_norm:
        x = layers.Dense(units, use_bias=False, name=name)(x)
        x = layers.BatchNormalization(momentum=NORM_MOMENTUM, name=f"{name}_norm")(x)
        x = layers.Activation(network.activation, name=f"{name}_activation")(x)
    else:
        x = layers.Dense(units, activation=network.activation, name=name)(x)
    return layers.Dropout(network.dropout, name=f"{name}_dropout")(x) if network.dropout else x
