"""Plain convolutional networks for small images.

Stages of convolutions and a pooling, whose filters double from stage to stage, after the VGG family
(Simonyan and Zisserman 2015), with the ways of training that a person would try next.
Baseline `cifar_notebook_2021`: 3 stages of 2 convolutions, 32-64-128 filters, Adam, batch 80.

    python -m search run --space cnn_cifar --trials 50
"""

from __future__ import annotations

from spaces.recipe import Augment, ConvNet, Fit, Recipe, Stage
from spaces.suggest import Suggest

DEFAULT_DATA = "cifar10"

BASELINES = {
    "cifar_notebook_2021": {
        "stages": 3,
        "convolutions": 2,
        "filters": 32,
        "kernel": 3,
        "activation": "relu",
        "batch_norm": False,
        "pooling": "max",
        "stage_dropout": 0.0,
        "summary": "flatten",
        "dense_units": 0,
        "head_dropout": 0.0,
        "flip": False,
        "shift": 0.0,
        "rotation": 0.0,
        "zoom": 0.0,
        "optimizer": "adam",
        "learning_rate": 1e-3,
        "schedule": "constant",
        "warmup": 0.0,
        "weight_decay": 1e-6,
        "label_smoothing": 0.0,
        "batch_size": 80,
    },
}


SGD_RATE = 10.0
"""Plain gradients need about ten times the rate of adaptive ones; with this one range of rates fits all optimizers."""


def suggest(trial: Suggest) -> Recipe:
    """Choose one network and one way to train it."""
    stages = trial.suggest_int("stages", 1, most_stages(trial.images.smaller_side))
    convolutions = trial.suggest_int("convolutions", 1, 3)
    filters = trial.suggest_categorical("filters", [16, 32, 48])  # in the first stage; doubles after each
    optimizer = trial.suggest_categorical("optimizer", ["adam", "adamw", "sgd", "rmsprop"])
    learning_rate = trial.suggest_float("learning_rate", 2e-4, 1e-2, log=True)
    weight_decay = trial.suggest_float("weight_decay", 1e-6, 1e-2, log=True)
    return Recipe(
        network=ConvNet(
            stages=tuple(Stage(filters=filters * 2**n, convolutions=convolutions) for n in range(stages)),
            kernel=trial.suggest_categorical("kernel", [3, 5]),
            activation=trial.suggest_categorical("activation", ["relu", "elu", "gelu", "silu"]),
            batch_norm=trial.suggest_categorical("batch_norm", [True, False]),
            pooling=trial.suggest_categorical("pooling", ["max", "average"]),
            dropout=trial.suggest_float("stage_dropout", 0.0, 0.4, step=0.1),
            summary=trial.suggest_categorical("summary", ["flatten", "average"]),
            dense_units=trial.suggest_categorical("dense_units", [0, 64, 128, 256]),
            dense_dropout=trial.suggest_float("head_dropout", 0.0, 0.5, step=0.1),
        ),
        augment=Augment(
            flip_horizontal=trial.suggest_categorical("flip", [True, False]),
            shift=trial.suggest_float("shift", 0.0, 0.2, step=0.05),
            rotation_degrees=trial.suggest_float("rotation", 0.0, 20.0, step=5.0),
            zoom=trial.suggest_float("zoom", 0.0, 0.2, step=0.05),
        ),
        fit=Fit(
            optimizer=optimizer,
            learning_rate=learning_rate * SGD_RATE if optimizer == "sgd" else learning_rate,
            schedule=trial.suggest_categorical("schedule", ["constant", "cosine", "one_cycle"]),
            warmup=trial.suggest_float("warmup", 0.0, 0.2, step=0.05),
            weight_decay=0.0 if optimizer == "adam" else weight_decay,  # plain Adam is the one without decay
            label_smoothing=trial.suggest_float("label_smoothing", 0.0, 0.2, step=0.05),
            batch_size=trial.suggest_categorical("batch_size", [32, 64, 80, 128, 256]),
        ),
    )


def most_stages(smaller_side: int) -> int:
    """Return the largest number of stages for images of that side: from 3 (the notebook's) to 5."""
    return max(3, min(5, smaller_side.bit_length() - 2))
