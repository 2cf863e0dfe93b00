"""Pruners by name: when is a training stopped early?"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import optuna

P = ParamSpec("P")
R = TypeVar("R")


def without_experimental_warnings(make: Callable[P, R]) -> Callable[P, R]:
    @functools.wraps(make)
    def quietly(*args: P.args, **kwargs: P.kwargs) -> R:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return make(*args, **kwargs)

    return quietly


@without_experimental_warnings
def make_pruner(name: str, epochs: int) -> optuna.pruners.BasePruner:
    """Return the pruner of that name for trainings of so many epochs."""
    match name:
        case "percentile":  # gentle: drops what is in the worst quarter; see CONTRIBUTING.md
            return optuna.pruners.PercentilePruner(75.0, n_startup_trials=4)
        case "median":
            return optuna.pruners.MedianPruner(n_startup_trials=4)
        case "hyperband":
            return optuna.pruners.HyperbandPruner(max_resource=epochs)
        case "halving":
            return optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)
        case "wilcoxon":
            return optuna.pruners.WilcoxonPruner()
        case _:
            return optuna.pruners.NopPruner()
