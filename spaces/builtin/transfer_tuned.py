"""A pretrained network with augmented images, whose upper layers may be trained too.

As `transfer_frozen`, where everything below the cut stays and is computed once; here it is computed
in every step, which costs ten to a hundred times as much, or once for each of four augmented views.
Upper layers are unfrozen from a later epoch on and at a smaller rate (Howard and Ruder 2018). Best
used after `transfer_frozen` has shown which backbone and cut are worth it, which `--backbone` then names.
Augmentation reaches what the transfer course of 2023 has: rotation 40, shift, shear and zoom 0.2, flip.
Baseline `cifar_vgg16_augmented`: all of VGG16 on 32x32, frozen, with rotation, shift and flip.

    python -m search run --space transfer_tuned --data cifar10 --backbone VGG16
"""

from __future__ import annotations

from spaces.builtin.transfer_frozen import BASELINES as FROZEN
from spaces.builtin.transfer_frozen import suggest_fit, suggest_output, suggest_transfer
from spaces.recipe import Augment, Recipe, Unfreeze
from spaces.suggest import Suggest

BASELINES = {
    "cifar_vgg16_augmented": {
        **FROZEN["cifar_vgg16"],
        "unfreeze": 0,
        "views": 0,
        "unfreeze_epoch": 1,
        "unfrozen_rate": 0.1,
        "flip": True,
        "shift": 0.2,
        "rotation": 20.0,
        "zoom": 0.0,
        "shear": 0.0,
    },
}


def suggest(trial: Suggest) -> Recipe:
    """Choose one pretrained network, what of it is trained, and how."""
    layers = trial.suggest_categorical("unfreeze", [0, 4, 16])
    views = 0 if layers else trial.suggest_categorical("views", [0, 4])  # 0: new ones in each epoch
    epoch = trial.suggest_int("unfreeze_epoch", 1, 4)
    rate = trial.suggest_float("unfrozen_rate", 0.01, 1.0, log=True)
    return Recipe(
        network=suggest_transfer(trial),
        unfreeze=Unfreeze(layers=layers, epoch=epoch, rate=rate) if layers else None,
        augment=Augment(
            flip_horizontal=trial.suggest_categorical("flip", [True, False]),
            shift=trial.suggest_float("shift", 0.0, 0.2, step=0.05),
            rotation_degrees=trial.suggest_float("rotation", 0.0, 40.0, step=10.0),
            zoom=trial.suggest_float("zoom", 0.0, 0.2, step=0.05),
            shear=trial.suggest_float("shear", 0.0, 0.2, step=0.1),
        ),
        fit=suggest_fit(trial),
        pixels="raw",
        output=suggest_output(trial),
        views=views,
    )
