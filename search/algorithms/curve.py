"""A pruner that predicts a trial's final score from its curve so far, and stops it when it will hardly beat the best.

The prediction is a simple regression: what completed trials still gained after that epoch, in mean and spread. Gains
are counted on a scale on which poor and good trials gain alike, and start from a prior that was taken from the
trainings in `benchmarks/curves`. One-cycle schedules gain later than constant rates, so completed trials with another
schedule count less.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from scipy.special import stdtrit

LEAST_CHANCE = 0.05
"""A trial with a smaller chance to beat the best score so far is stopped."""
FEWEST = 4
"""Completed trials that a decision needs; twice as many where there is no prior for their scores."""
SCHEDULE = "schedule"
"""The parameter by which the curves of trials are alike, in spaces that have it."""

_weight_of_other_schedules = 0.5
_prior_trials = 4.0
"""As many completed trials the prior counts for."""
_least_spread = 0.05
_edge = 0.005
"""Fractions are kept so far from 0 and 1, where the scale would be infinite."""


class CurvePruner(optuna.pruners.BasePruner):
    """Stops what has little chance to beat the best score so far; everything it knows is in the study."""

    def __init__(self, epochs: int) -> None:
        """Predict the score of trials of `epochs` epochs, which is that of their best epoch."""
        self._epochs = epochs

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Return whether to stop the trial after its last epoch so far."""
        sign = 1.0 if study.direction == StudyDirection.MAXIMIZE else -1.0
        epoch = trial.last_step
        reached = None if epoch is None else _best_until(epoch, trial, sign)
        completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if epoch is None or reached is None or len(completed) < FEWEST:
            return False
        best = max(sign * _value_of(one) for one in completed)
        if reached >= best:
            return False
        curves = [
            (before, sign * _value_of(one), 1.0 if _is_alike(one, trial) else _weight_of_other_schedules)
            for one in completed
            if (before := _best_until(epoch, one, sign)) is not None
        ]
        scale = _scale_for([reached, best, *(before for before, _, _ in curves)])
        if len(curves) < (FEWEST if scale.has_prior else 2 * FEWEST):
            return False
        most = most_likely_gain(
            [scale.of(final) - scale.of(before) for before, final, _ in curves],
            weights=[weight for _, _, weight in curves],
            left=1.0 - epoch / self._epochs if scale.has_prior else None,
        )
        return scale.of(best) - scale.of(reached) > most


def most_likely_gain(gains: Sequence[float], *, weights: Sequence[float], left: float | None) -> float:
    """Return what a trial still gains at most, but for a chance of `LEAST_CHANCE`: a quantile of Student's t.

    Args:
        gains: of completed trials after the same epoch, on the trials' scale.
        weights: of each; 1 counts in full.
        left: fraction of the epochs that are still to come, for the prior; None: without a prior.
    """
    prior = 0.0 if left is None else _prior_trials
    prior_mean, prior_spread = (0.0, 0.0) if left is None else (2.5 * left**2, 1.4 * left**1.5)
    count = prior + sum(weights)
    mean = (prior * prior_mean + sum(w * gain for w, gain in zip(weights, gains, strict=True))) / count
    squares = prior * (prior_spread**2 + (prior_mean - mean) ** 2)
    squares += sum(w * (gain - mean) ** 2 for w, gain in zip(weights, gains, strict=True))
    freedom = max(1.0, count - 1.0)
    spread = max(_least_spread, math.sqrt(squares / freedom * (1.0 + 1.0 / count)))
    return mean + float(stdtrit(freedom, 1.0 - LEAST_CHANCE)) * spread


@dataclass(frozen=True)
class _Scale:
    """A rising scale of scores on which trials gain about as much whatever they have reached."""

    of: Callable[[float], float]
    has_prior: bool
    """Whether the prior of gains is one of this scale."""


def _scale_for(scores: Sequence[float]) -> _Scale:
    """Return log-odds for fractions and the logarithm for losses, which are negative; other scores stay as they are."""
    if all(0.0 <= score <= 1.0 for score in scores):
        return _Scale(_log_odds, has_prior=True)
    if all(score < 0.0 for score in scores):
        return _Scale(lambda score: -math.log(-score), has_prior=True)
    return _Scale(lambda score: score, has_prior=False)


def _log_odds(score: float) -> float:
    inside = min(max(score, _edge), 1.0 - _edge)
    return math.log(inside / (1.0 - inside))


def _best_until(epoch: int, trial: FrozenTrial, sign: float) -> float | None:
    """Return the best finite score up to an epoch, times `sign`, so that more is better; None: there is none."""
    scores = (sign * score for at, score in trial.intermediate_values.items() if at <= epoch)
    return max((score for score in scores if math.isfinite(score)), default=None)


def _value_of(completed: FrozenTrial) -> float:
    assert completed.value is not None
    return completed.value


def _is_alike(one: FrozenTrial, other: FrozenTrial) -> bool:
    return bool(one.params.get(SCHEDULE) == other.params.get(SCHEDULE))
