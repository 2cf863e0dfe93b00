"""Fully connected networks for small grey images, with a small convolutional one as a rival.

The choices of a teaching lab on Fashion-MNIST: layers, units, activation, dropout and the rate of plain
gradient descent, pixels from -1 to 1; and the usual next things to try.
Baselines `lab_*`: its first network (32 sigmoid units), the corners of its grid of 1x32 and 2x64 ReLU
units by rate, its best network with dropout (60 epochs), and its small convolutional network.
Starts `norm_dense` and `norm_convolutional`: wider, with batch norm, AdamW and a rate that rises and falls once.

    python -m search run --space mlp_fashion --epochs 20 --trials 50
"""

from __future__ import annotations

from spaces.recipe import MLP, Augment, ConvNet, Fit, Network, Recipe, Stage
from spaces.suggest import Suggest

DEFAULT_DATA = "fashion_mnist"

LAB = {
    "network": "dense",
    "depth": 1,
    "activation": "relu",
    "batch_norm": False,
    "dropout": 0.0,
    "flip": False,
    "shift": 0.0,
    "optimizer": "sgd",
    "schedule": "constant",
    "label_smoothing": 0.0,
    "batch_size": 64,
}
BASELINES = {
    "lab_base": LAB | {"units": 32, "activation": "sigmoid", "learning_rate": 0.01},
    "lab_1x32_slow": LAB | {"units": 32, "learning_rate": 0.05},
    "lab_1x32_fast": LAB | {"units": 32, "learning_rate": 0.5},
    "lab_2x64_slow": LAB | {"depth": 2, "units": 64, "learning_rate": 0.05},
    "lab_2x64_fast": LAB | {"depth": 2, "units": 64, "learning_rate": 0.5},
    "lab_dropout": LAB | {"depth": 2, "units": 64, "dropout": 0.25, "learning_rate": 0.1},
    "lab_small_cnn": LAB
    | {"network": "convolutional", "depth": 2, "filters": 10, "doubling": False, "learning_rate": 0.1},
}

ONE_CYCLE = LAB | {
    "batch_norm": True,
    "optimizer": "adamw",
    "learning_rate": 0.3,
    "schedule": "one_cycle",
    "weight_decay": 0.01,
}
STARTS = {
    "norm_dense": ONE_CYCLE | {"depth": 2, "units": 512, "dropout": 0.25},
    "norm_convolutional": ONE_CYCLE
    | {"network": "convolutional", "depth": 3, "filters": 32, "doubling": True, "dropout": 0.1, "flip": True},
}
RATES = {"sgd": 1.0, "momentum": 0.1, "adam": 0.01, "adamw": 0.01}
"""What a rate for plain gradient descent is multiplied by, so that one range of rates fits all optimizers."""


def suggest(trial: Suggest) -> Recipe:
    """Choose one network and one way to train it."""
    optimizer = trial.suggest_categorical("optimizer", ["sgd", "momentum", "adam", "adamw"])
    return Recipe(
        network=_network(trial),
        augment=Augment(
            flip_horizontal=trial.suggest_categorical("flip", [True, False]),
            shift=trial.suggest_float("shift", 0.0, 0.1, step=0.05),
        ),
        fit=Fit(
            optimizer="sgd" if optimizer == "momentum" else optimizer,
            momentum=0.9 if optimizer == "momentum" else 0.0,
            learning_rate=trial.suggest_float("learning_rate", 0.01, 0.5, log=True) * RATES[optimizer],
            schedule=trial.suggest_categorical("schedule", ["constant", "cosine", "one_cycle"]),
            weight_decay=trial.suggest_float("weight_decay", 1e-3, 1.0, log=True) if optimizer == "adamw" else 0.0,
            label_smoothing=trial.suggest_float("label_smoothing", 0.0, 0.1, step=0.05),
            batch_size=trial.suggest_categorical("batch_size", [32, 64, 128]),
        ),
        pixels="symmetric",
    )


def _network(trial: Suggest) -> Network:
    """Choose hidden layers of one width, or stages of two convolutions and a pooling."""
    kind = trial.suggest_categorical("network", ["dense", "convolutional"])
    depth = trial.suggest_int("depth", 1, 3)
    activation = trial.suggest_categorical("activation", ["relu", "sigmoid", "gelu"])
    batch_norm = trial.suggest_categorical("batch_norm", [True, False])
    dropout = trial.suggest_float("dropout", 0.0, 0.5, step=0.05)  # after each layer or stage
    if kind == "dense":
        units = trial.suggest_categorical("units", [32, 64, 128, 256, 512])
        return MLP(units=(units,) * depth, activation=activation, batch_norm=batch_norm, dropout=dropout)
    filters = trial.suggest_categorical("filters", [10, 32, 48])
    growth = 2 if trial.suggest_categorical("doubling", [True, False]) else 1
    return ConvNet(
        stages=tuple(Stage(filters=filters * growth**n, convolutions=2) for n in range(depth)),
        kernel=3,
        activation=activation,
        batch_norm=batch_norm,
        dropout=dropout,
    )
