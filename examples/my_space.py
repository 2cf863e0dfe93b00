"""Depthwise separable convolutions for small images, after MobileNets (Howard et al. 2017).

python -m search run --space my_space.py --data digits --trials 8
"""

from dataclasses import dataclass

from objectives.networks.registry import build
from spaces.recipe import Fit, Network, Recipe

DEFAULT_DATA = "digits"

BASELINES = {
    "by_hand": {"blocks": 3, "filters": 32, "norm": True, "learning_rate": 1e-2, "batch_size": 32},
}


def suggest(trial):
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
    """A network of separable convolutions, then the average over pixels."""

    blocks: int
    filters: int  # in the first block; doubles after each
    norm: bool  # batch normalisation after each convolution


@build.register(SeparableNet)
def build_separable_net(network, images):
    """Return features (n, units); Tamiz adds the output layer."""
    from keras import layers  # imported here, so that the space loads without Keras

    features = images
    for block in range(network.blocks):
        features = layers.SeparableConv2D(network.filters * 2**block, 3, padding="same")(features)
        features = layers.BatchNormalization(momentum=0.9)(features) if network.norm else features
        features = layers.ReLU()(features)
    return layers.GlobalAveragePooling2D()(features)
