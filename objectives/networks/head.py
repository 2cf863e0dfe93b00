"""Builds heads: from a feature map to the features that the output layer takes."""

from __future__ import annotations

import keras
from keras import layers

from objectives.networks.registry import build
from spaces.transfer import Head

_summaries = {
    "flatten": layers.Flatten,
    "average": layers.GlobalAveragePooling2D,
    "max": layers.GlobalMaxPooling2D,
}


@build.register
def head(network: Head, features: keras.KerasTensor) -> keras.KerasTensor:
    """Apply a head to a symbolic feature map (n, height, width, channels)."""
    x = _summaries[network.summary](name="summary")(features)
    if network.dense_units:
        x = layers.Dense(network.dense_units, activation=network.activation, name="dense")(x)
    if network.dropout:
        x = layers.Dropout(network.dropout, name="dense_dropout")(x)
    return x


def pooled(features: keras.KerasTensor, summary: str) -> keras.KerasTensor:
    """Return a feature map of one pixel (n, 1, 1, channels): the average or maximum over all pixels."""
    return _summaries[summary](keepdims=True, name="pooled")(features)
