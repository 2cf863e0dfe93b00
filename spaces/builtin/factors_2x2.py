"""Augmentation by transfer: a designed experiment of two on/off choices instead of a search.

Each of the four combinations is trained five times with other seeds, so that the report's table of
effects says what either choice does, and both together, with the uncertainty of each mean.
Without transfer the network is `cifar_small` of `cnn_cifar`, with it `cifar_vgg16` of `transfer_frozen`:
all of VGG16, or what `--backbone` names, frozen, with a dense layer of 256 units. With both, each of ten
epochs sees another augmented view of the images, whose frozen features the repeats share.

    python -m search run --space factors_2x2 --epochs 10 --backbone runs/resnet_cifar-cifar100/best/model.keras
"""

from __future__ import annotations

from spaces.recipe import Augment, ConvNet, Fit, Network, Recipe, Stage
from spaces.suggest import Suggest
from spaces.transfer import Head, Transfer

DEFAULT_DATA = "cifar10"
REPEATS = 5
VIEWS = 10
"""More epochs see them again."""

BASELINES = {"neither": {"augmentation": False, "transfer": False}}

SMALL = ConvNet(
    stages=(
        Stage(filters=32, convolutions=1),
        Stage(filters=64, convolutions=1),
        Stage(filters=64, convolutions=1, pool=False),
    ),
    kernel=3,
    padding="valid",
    dense_units=64,
)


def suggest(trial: Suggest) -> Recipe:
    """Choose either factor on or off."""
    pretrained = _pretrained(trial)
    augmentation = trial.suggest_categorical("augmentation", [False, True])
    transfer = trial.suggest_categorical("transfer", [False, True])
    return Recipe(
        network=pretrained if transfer else SMALL,
        augment=Augment(flip_horizontal=True, shift=0.2, rotation_degrees=20.0) if augmentation else Augment(),
        fit=Fit(learning_rate=1e-3, batch_size=64),
        pixels="raw" if transfer else "unit",  # a pretrained network scales its pixels itself
        views=VIEWS if transfer else 0,
    )


def _pretrained(trial: Suggest) -> Network:
    offered = trial.backbones
    backbone = offered.named(offered.names[0])
    side = None if offered.are_exported else backbone.side(trial.images.smaller_side)
    return Transfer(backbone=backbone, side=side, head=Head(dense_units=256, dropout=0.5))
