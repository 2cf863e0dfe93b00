"""The task of `benchmarks.peers` as a space of Tamiz."""

from __future__ import annotations

import os

from benchmarks.peers.task import BATCHES, listed, plain
from spaces.recipe import ConvNet, Fit, Recipe, Stage
from spaces.suggest import Suggest

DEFAULT_DATA = "fashion_mnist"
STARTS = {
    f"listed_{number}": plain(configuration)
    for number, configuration in enumerate(listed(int(os.environ.get("TAMIZ_PEERS_SEED", "0"))))
}


def suggest(trial: Suggest) -> Recipe:
    """Choose one network and one rate."""
    stages = trial.suggest_int("stages", 1, 3)
    filters = trial.suggest_categorical("filters", [8, 16, 32])
    return Recipe(
        network=ConvNet(
            stages=tuple(Stage(filters=filters * 2**n, convolutions=1) for n in range(stages)),
            kernel=3,
            dense_units=trial.suggest_categorical("dense_units", [0, 64]),
            dense_dropout=trial.suggest_float("dropout", 0.0, 0.5),
        ),
        fit=Fit(
            learning_rate=trial.suggest_float("learning_rate", 1e-4, 10**-1.5, log=True),
            batch_size=trial.suggest_categorical("batch_size", list(BATCHES)),
        ),
    )
