"""Residual networks for small images: few choices, all near what is known to work.

Three stages of blocks with shortcuts (He et al. 2016), post- or pre-activation, trained with strong
augmentation (flips, shifts, cutout, mixup) by SGD with momentum or AdamW under a falling rate.
Baseline `he_2016_resnet20`: 3 blocks a stage, 16-32-64 filters, SGD 0.1 falling in steps, batch 128,
flips and shifts of 4 of 32 pixels; 91.25 % on CIFAR-10's test images after 182 epochs in the paper.
Start `short_one_cycle`: one block a stage, twice the filters, a rate that rises and falls once (Smith and Topin
2019), for some 15 epochs.

    python -m search run --space resnet_cifar --epochs 30 --trials 30
"""

from __future__ import annotations

from spaces.recipe import Augment, Fit, Recipe, ResNet
from spaces.suggest import Suggest

DEFAULT_DATA = "cifar10"

BASELINES = {
    "he_2016_resnet20": {
        "blocks": 3,
        "filters": 16,
        "preactivation": False,
        "dropout": 0.0,
        "flip": True,
        "shift": 0.125,
        "cutout": 0.0,
        "mixup": 0.0,
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "schedule": "step",
        "warmup": 0.0,
        "weight_decay": 1e-3,  # the paper's 1e-4 goes through the momentum of 0.9, which makes it ten times as strong
        "label_smoothing": 0.0,
        "batch_size": 128,
    },
}

STARTS = {
    "short_one_cycle": BASELINES["he_2016_resnet20"]
    | {
        "blocks": 1,
        "filters": 32,
        "learning_rate": 0.2,
        "schedule": "one_cycle",
        "weight_decay": 5e-3,
    },
}

ADAMW_RATE = 0.02
"""AdamW's rate as a fraction of SGD's; its decay is larger by that factor, since weights shrink by their product."""


def suggest(trial: Suggest) -> Recipe:
    """Choose one network and one way to train it."""
    optimizer = trial.suggest_categorical("optimizer", ["sgd", "adamw"])
    share = ADAMW_RATE if optimizer == "adamw" else 1.0
    return Recipe(
        network=ResNet(
            blocks=trial.suggest_int("blocks", 1, 3),
            filters=trial.suggest_categorical("filters", [16, 32, 64]),  # in the first stage; doubles after each
            preactivation=trial.suggest_categorical("preactivation", [True, False]),
            dropout=trial.suggest_float("dropout", 0.0, 0.3, step=0.1),
        ),
        augment=Augment(
            flip_horizontal=trial.suggest_categorical("flip", [True, False]),
            shift=trial.suggest_float("shift", 0.0, 0.125, step=0.0625),
            fill="constant",
            cutout=trial.suggest_float("cutout", 0.0, 0.5, step=0.25),
            mixup=trial.suggest_float("mixup", 0.0, 0.4, step=0.2),
        ),
        fit=Fit(
            optimizer=optimizer,
            learning_rate=trial.suggest_float("learning_rate", 0.02, 0.5, log=True) * share,
            schedule=trial.suggest_categorical("schedule", ["cosine", "one_cycle", "step"]),
            warmup=trial.suggest_float("warmup", 0.0, 0.2, step=0.1),
            weight_decay=trial.suggest_float("weight_decay", 2e-4, 1e-2, log=True) / share,
            label_smoothing=trial.suggest_float("label_smoothing", 0.0, 0.1, step=0.05),
            batch_size=trial.suggest_categorical("batch_size", [64, 128, 256]),
        ),
        pixels="symmetric",
    )
