"""Which parameters the score depends on, by Optuna's PED-ANOVA."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial

from reports.stored.run import Run

enough = 20
"""Finished trials below which importances are a hint at best."""


@dataclass(frozen=True, kw_only=True)
class Importances:
    """Share of the score's variation among the best trials that each parameter explains."""

    shares: dict[str, float]
    """Parameter to share, largest first; they sum to 1. A parameter of one value has none. Empty: not known."""
    trials: int
    """Finished trials that they are computed from."""
    problem: str | None = None
    """Why there are none."""

    @property
    def is_hint(self) -> bool:
        """Whether the trials are too few to rely on them."""
        return self.trials < enough


def find_importances(run: Run) -> Importances:
    """Return the importances, as far as the study has enough finished trials (Watanabe et al. 2023)."""
    finished = len(run.ranked)
    if run.study is None:
        return Importances(shares={}, trials=finished, problem="the study's database could not be read")
    if finished < 4:
        return Importances(
            shares={}, trials=finished, problem=f"{finished} finished trials are too few to compare; 4 at least"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            warnings.filterwarnings("ignore", message="PedAnovaImportanceEvaluator computes the importances")
            found = get_param_importances(
                run.study, evaluator=PedAnovaImportanceEvaluator(), target=_first_of(run, run.study), normalize=False
            )
    except (ValueError, RuntimeError) as error:
        return Importances(shares={}, trials=finished, problem=str(error))
    varied = {
        name: share for name, share in found.items() if name in run.varied_in_ranked
    }  # it gives others a share too
    total = sum(varied.values())
    if not total > 0:
        return Importances(
            shares={}, trials=finished, problem="all finished trials score alike, or share all parameters"
        )
    ordered = sorted(varied.items(), key=lambda pair: (-pair[1], pair[0]))  # Optuna leaves the order of equals open
    return Importances(shares={name: share / total for name, share in ordered}, trials=finished)


def _first_of(run: Run, study: optuna.Study) -> Callable[[FrozenTrial], float] | None:
    """Return what to explain where a study has several objectives: the first; small is good."""
    if len(study.directions) == 1:
        return None
    return lambda trial: -run.direction.sign * float(trial.values[0])
