"""Which parameters the score depends on, by Optuna's PED-ANOVA."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

from reports.run import Run

enough = 20
"""Finished trials below which importances are a hint at best."""


@dataclass(frozen=True, kw_only=True)
class Importances:
    """Share of the score's variation among the best trials that each parameter explains."""

    shares: dict[str, float]
    """Parameter to share, largest first; they sum to 1. Empty: not known."""
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
            shares = get_param_importances(run.study, evaluator=PedAnovaImportanceEvaluator())
    except (ValueError, RuntimeError) as error:
        return Importances(shares={}, trials=finished, problem=str(error))
    if not shares or not sum(shares.values()) > 0:
        return Importances(
            shares={}, trials=finished, problem="all finished trials score alike, or share all parameters"
        )
    return Importances(shares=shares, trials=finished)
