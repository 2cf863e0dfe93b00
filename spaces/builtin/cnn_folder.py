"""Convolutional networks for photographs in folders, a folder per class.

Stages of convolutions and a pooling, a dense head with dropout, all kinds of augmentation, and weights
for classes of unequal size. `--image-size` says what size the images are brought to (64 pixels).
Baseline `simpsons_notebook_2019`: 32-128-512 filters, Dense 500, dropout 0.5, Adam, batch 32, 7 epochs.
Baseline `course_multiclass`: 16-32-64 filters, Dense 512, RMSprop, after a 2023 course (300 pixels).
Start `norm_one_cycle`: 32-64-128 filters in pairs with batch norm, flips and shifts, a rate that rises and falls.

    python -m search run --space cnn_folder --data path/to/folder --epochs 15 --trials 40
"""

from __future__ import annotations

from spaces.builtin.cnn_cifar import SGD_RATE, most_stages
from spaces.recipe import Augment, ConvNet, Fit, Recipe, Stage
from spaces.suggest import Suggest

SIMPSONS_NOTEBOOK_2019 = {
    "stages": 3,
    "convolutions": 1,
    "filters": 32,
    "growth": 4,
    "double_pool": True,
    "padding": "valid",
    "batch_norm": False,
    "summary": "flatten",
    "dense_units": 500,
    "dropout": 0.5,
    "flip": "off",
    "shift": 0.0,
    "rotation": 0.0,
    "zoom": 0.0,
    "shear": 0.0,
    "fill": "nearest",
    "brightness": 0.0,
    "contrast": 0.0,
    "cutout": 0.0,
    "mixup": 0.0,
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "schedule": "constant",
    "weight_decay": 1e-6,
    "label_smoothing": 0.0,
    "class_weights": "none",
    "batch_size": 32,
    "output": "softmax",
}
BASELINES = {
    "simpsons_notebook_2019": SIMPSONS_NOTEBOOK_2019,
    "course_multiclass": SIMPSONS_NOTEBOOK_2019
    | {"filters": 16, "growth": 2, "double_pool": False, "dense_units": 512, "dropout": 0.0, "optimizer": "rmsprop"},
}
STARTS = {
    "norm_one_cycle": SIMPSONS_NOTEBOOK_2019
    | {
        "convolutions": 2,
        "growth": 2,
        "double_pool": False,
        "padding": "same",
        "batch_norm": True,
        "dense_units": 0,
        "dropout": 0.3,
        "flip": "horizontal",
        "shift": 0.1,
        "optimizer": "adamw",
        "learning_rate": 2e-3,
        "schedule": "one_cycle",
        "weight_decay": 1e-3,
    },
}


def suggest(trial: Suggest) -> Recipe:
    """Choose one network and one way to train it."""
    optimizer = trial.suggest_categorical("optimizer", ["adam", "adamw", "sgd", "rmsprop"])
    learning_rate = trial.suggest_float("learning_rate", 2e-4, 5e-3, log=True)
    weight_decay = trial.suggest_float("weight_decay", 1e-6, 1e-1, log=True)
    flip = trial.suggest_categorical("flip", ["off", "horizontal", "both"])
    outputs = ["softmax", "sigmoid"] if trial.classes == 2 else ["softmax"]
    return Recipe(
        network=ConvNet(
            stages=_stages(trial),
            kernel=3,
            padding=trial.suggest_categorical("padding", ["same", "valid"]),
            batch_norm=trial.suggest_categorical("batch_norm", [True, False]),
            summary=trial.suggest_categorical("summary", ["flatten", "average"]),
            dense_units=trial.suggest_int("dense_units", 0, 512, step=4),
            dense_dropout=trial.suggest_float("dropout", 0.0, 0.7, step=0.1),
        ),
        augment=Augment(
            flip_horizontal=flip != "off",
            flip_vertical=flip == "both",
            shift=trial.suggest_float("shift", 0.0, 0.2, step=0.05),
            rotation_degrees=trial.suggest_float("rotation", 0.0, 40.0, step=10.0),
            zoom=trial.suggest_float("zoom", 0.0, 0.2, step=0.1),
            shear=trial.suggest_float("shear", 0.0, 0.2, step=0.1),
            fill=trial.suggest_categorical("fill", ["nearest", "reflect", "constant"]),
            brightness=trial.suggest_float("brightness", 0.0, 0.2, step=0.1),
            contrast=trial.suggest_float("contrast", 0.0, 0.4, step=0.2),
            cutout=trial.suggest_float("cutout", 0.0, 0.5, step=0.25),
            mixup=trial.suggest_float("mixup", 0.0, 0.4, step=0.2),
        ),
        fit=Fit(
            optimizer=optimizer,
            learning_rate=learning_rate * SGD_RATE if optimizer == "sgd" else learning_rate,
            schedule=trial.suggest_categorical("schedule", ["constant", "cosine", "one_cycle"]),
            weight_decay=weight_decay if optimizer in ("adamw", "sgd") else 0.0,
            label_smoothing=trial.suggest_float("label_smoothing", 0.0, 0.2, step=0.1),
            class_weights=trial.suggest_categorical("class_weights", ["none", "balanced", "sqrt"]),
            batch_size=trial.suggest_categorical("batch_size", [32, 64, 128]),
        ),
        output=trial.suggest_categorical("output", outputs),
    )


def _stages(trial: Suggest) -> tuple[Stage, ...]:
    """Filters grow by a factor from stage to stage, to 512 at most; the last map may be pooled once more."""
    convolutions = trial.suggest_int("convolutions", 1, 2)
    filters = trial.suggest_categorical("filters", [16, 32, 48])
    growth = trial.suggest_categorical("growth", [2, 4])
    stages = tuple(
        Stage(filters=min(filters * growth**n, 512), convolutions=convolutions)
        for n in range(trial.suggest_int("stages", 2, most_stages(trial.images)))
    )
    twice = trial.suggest_categorical("double_pool", [True, False])
    return (*stages, Stage(filters=1, convolutions=0)) if twice else stages
