"""Depthwise separable convolutions for small images: few weights, after MobileNets (Howard et al. 2017).

python -m search run --space examples/my_space.py --data digits --trials 20
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from objectives.networks.registry import build
from spaces.recipe import Fit, Network, Recipe
from spaces.suggest import Suggest

if TYPE_CHECKING:
    import keras

DEFAULT_DATA = "digits"

BASELINES = {
    "by_hand": {"blocks": 3, "filters": 32, "norm": True, "learning_rate": 1e-2, "batch_size": 32},
}


def suggest(trial: Suggest) -> Recipe:
    """Choose one network and one way to train it."""
    return Recipe(
        network=SeparableNet(
            blocks=trial.suggest_int("blocks", 1, 4),
            filters=trial.suggest_categorical("filters", [16, 32, 64]),
            norm=trial.suggest_categorical("norm", [True, False]),
        ),
        fit=Fit(
            learning_rate=trial.suggest_float("learning_rate", 1e-3, 3e-2, log=True),
            batch_size=trial.suggest_categorical("batch_size", [32, 64, 128]),
        ),
    )


@dataclass(frozen=True, kw_only=True)
class SeparableNet(Network):
    """Blocks of a depthwise and a 1x1 convolution, then the average over pixels."""

    blocks: int
    filters: int
    """In the first block; doubles after each."""
    norm: bool
    """Batch normalisation after each block."""


@build.register(SeparableNet)
def _(network: SeparableNet, images: keras.KerasTensor) -> keras.KerasTensor:
    from keras import layers

    features = images
    for block in range(network.blocks):
        features = layers.SeparableConv2D(network.filters * 2**block, 3, padding="same")(features)
        features = layers.BatchNormalization(momentum=0.9)(features) if network.norm else features
        features = layers.ReLU()(features)
    return layers.GlobalAveragePooling2D()(features)
