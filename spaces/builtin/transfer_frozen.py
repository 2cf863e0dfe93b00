"""A pretrained network, frozen up to a cut, with a head trained on its features.

The features are computed once and shared by all trials, so that a trial costs seconds. What is
searched: the network, where it is cut, the size of the images, the head, and how the head is trained
(Yosinski et al. 2014). The networks bring ImageNet weights, which Keras downloads; without a network
connection say where to start from: `--backbone VGG16:weights.h5`, or a model of an earlier search.
Baseline `course_mixed7`: InceptionV3 cut at `mixed7`, images of 150x150, a dense layer of 1024 units; for
two classes one sigmoid unit.
Baseline `cifar_vgg16`: all of VGG16 on 32x32, a dense layer of 256 units.

    python -m search run --space transfer_frozen --data cifar10 --backbone runs/cnn_cifar-cifar100/best/model.keras
"""

from __future__ import annotations

from spaces.recipe import Fit, Recipe
from spaces.suggest import Suggest
from spaces.transfer import Head, Transfer

SIDES = (32, 64, 96, 150, 224)
SGD_RATE = 10.0
"""Plain gradients need about ten times the rate of adaptive ones; with this one range of rates fits all optimizers."""

BASELINES = {
    "course_mixed7": {
        "backbone": "InceptionV3",
        "quarters": 3,  # up to mixed7
        "side": 150,
        "summary": "flatten",
        "dense_units": 1024,
        "dropout": 0.2,
        "two_class_units": 1,
        "optimizer": "rmsprop",
        "learning_rate": 1e-4,
        "schedule": "constant",
        "label_smoothing": 0.0,
        "batch_size": 32,
    },
    "cifar_vgg16": {
        "backbone": "VGG16",
        "quarters": 4,
        "side": 32,
        "summary": "flatten",
        "dense_units": 256,
        "dropout": 0.5,
        "two_class_units": 1,
        "optimizer": "adam",
        "learning_rate": 1e-3,
        "schedule": "constant",
        "label_smoothing": 0.0,
        "batch_size": 64,
    },
}


def suggest(trial: Suggest) -> Recipe:
    """Choose one frozen network, one head and one way to train it."""
    return Recipe(network=suggest_transfer(trial), fit=suggest_fit(trial), pixels="raw", output=suggest_output(trial))


def suggest_transfer(trial: Suggest) -> Transfer:
    """Choose a pretrained network, its cut and a head; nothing of it is unfrozen."""
    backbone = trial.backbones.named(trial.suggest_categorical("backbone", trial.backbones.names))
    quarters = trial.suggest_int("quarters", 1, 4)  # of the backbone; the higher, the more particular to its own task
    side = None if trial.backbones.are_exported else backbone.side(trial.suggest_categorical("side", SIDES))
    return Transfer(
        backbone=backbone,
        cut=backbone.cut(quarters),
        side=side,
        head=Head(
            summary=trial.suggest_categorical("summary", ["flatten", "average", "max"]),
            dense_units=trial.suggest_categorical("dense_units", [0, 64, 256, 1024]),
            dropout=trial.suggest_float("dropout", 0.0, 0.5, step=0.1),
        ),
    )


def suggest_output(trial: Suggest) -> str:
    """Choose whether two classes get one sigmoid unit or two softmax units; more classes have a unit each."""
    units = trial.suggest_categorical("two_class_units", [1, 2] if trial.classes == 2 else [1])
    return "sigmoid" if trial.classes == 2 and units == 1 else "softmax"


def suggest_fit(trial: Suggest) -> Fit:
    """Choose how a head is trained."""
    optimizer = trial.suggest_categorical("optimizer", ["adam", "rmsprop", "sgd"])
    learning_rate = trial.suggest_float("learning_rate", 3e-5, 1e-2, log=True)
    return Fit(
        optimizer=optimizer,
        learning_rate=learning_rate * SGD_RATE if optimizer == "sgd" else learning_rate,
        schedule=trial.suggest_categorical("schedule", ["constant", "cosine"]),
        label_smoothing=trial.suggest_float("label_smoothing", 0.0, 0.2, step=0.05),
        batch_size=trial.suggest_categorical("batch_size", [32, 64, 128]),
    )
