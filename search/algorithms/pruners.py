"""Pruners by name. To add one, write an entry in `PRUNERS`: `--pruner` accepts it and its help lists it."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spaces.errors import UnknownNameError

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True)
class Pruner:
    """One value of `--pruner`."""

    help: str
    make: Callable[[int], optuna.pruners.BasePruner]
    """Takes the epochs of a trial; imports Optuna only when it is called, so that `--help` stays quick."""


def _percentile(epochs: int) -> optuna.pruners.BasePruner:
    import optuna

    return optuna.pruners.PercentilePruner(75.0, n_startup_trials=4)


def _median(epochs: int) -> optuna.pruners.BasePruner:
    import optuna

    return optuna.pruners.MedianPruner(n_startup_trials=4)


def _hyperband(epochs: int) -> optuna.pruners.BasePruner:
    import optuna

    return optuna.pruners.HyperbandPruner(max_resource=epochs)


def _halving(epochs: int) -> optuna.pruners.BasePruner:
    import optuna

    return optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)


def _curve(epochs: int) -> optuna.pruners.BasePruner:
    from search.algorithms.curve import CurvePruner

    return CurvePruner(epochs)


def _none(epochs: int) -> optuna.pruners.BasePruner:
    import optuna

    return optuna.pruners.NopPruner()


PRUNERS = {
    "percentile": Pruner("stop a trial in the worst quarter at its epoch", _percentile),
    "median": Pruner("stop a trial that is worse than the median at its epoch", _median),
    "hyperband": Pruner("successive halving in several brackets", _hyperband),
    "halving": Pruner("keep the best third at each rung (ASHA)", _halving),
    "curve": Pruner("stop a trial that will hardly beat the best score, by the curves of completed ones", _curve),
    "none": Pruner("train every trial to its end", _none),
}


def make_pruner(name: str, epochs: int) -> optuna.pruners.BasePruner:
    """Return the pruner of that name for trials of `epochs` epochs.

    Raises:
        UnknownNameError: `PRUNERS` has no such entry.
    """
    if name not in PRUNERS:
        raise UnknownNameError("pruner", name, PRUNERS, plural="pruners")
    with experimental_warnings_ignored():
        return PRUNERS[name].make(epochs)


@contextlib.contextmanager
def experimental_warnings_ignored() -> Iterator[None]:
    """Silence Optuna's warnings about experimental features that Tamiz uses knowingly."""
    from optuna.exceptions import ExperimentalWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield
