"""The pruner that predicts final scores from curves."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState, create_trial

from search.algorithms.curve import FEWEST, SCHEDULE, CurvePruner, most_likely_gain

EPOCHS = 8
SCHEDULES = optuna.distributions.CategoricalDistribution(["constant", "one_cycle"])


def rising(final: float, *, speed: float = 0.5) -> list[float]:
    """Return a curve of a fraction that reaches `final` at the last epoch."""
    return [final * (1.0 - math.exp(-speed * epoch)) / (1.0 - math.exp(-speed * EPOCHS)) for epoch in range(1, 9)]


def study_of(
    curves: Sequence[Sequence[float]], *, direction: str = "maximize", schedule: str = "constant"
) -> optuna.Study:
    """Return a study of completed trials with these curves."""
    study = optuna.create_study(direction=direction)
    add(study, curves, schedule=schedule)
    return study


def add(study: optuna.Study, curves: Sequence[Sequence[float]], *, schedule: str = "constant") -> None:
    """Add completed trials with these curves."""
    best_of = max if study.direction == optuna.study.StudyDirection.MAXIMIZE else min
    for curve in curves:
        study.add_trial(
            create_trial(
                params={SCHEDULE: schedule},
                distributions={SCHEDULE: SCHEDULES},
                value=best_of(score for score in curve if math.isfinite(score)),
                intermediate_values=dict(enumerate(curve, 1)),
            )
        )


def is_stopped(study: optuna.Study, scores: Sequence[float], *, schedule: str = "constant") -> bool:
    """Return whether a trial with these scores so far is stopped."""
    trial = create_trial(
        state=TrialState.RUNNING,
        params={SCHEDULE: schedule},
        distributions={SCHEDULE: SCHEDULES},
        intermediate_values=dict(enumerate(scores, 1)),
    )
    return CurvePruner(EPOCHS).prune(study, trial)


SIX = [rising(final) for final in (0.6, 0.7, 0.8, 0.9, 0.85, 0.5)]


@pytest.mark.parametrize("epoch", [2, 4, 7])
def test_a_hopeless_trial_is_stopped_and_one_like_the_best_is_not(epoch: int) -> None:
    study = study_of(SIX)

    assert is_stopped(study, rising(0.1)[:epoch])
    assert not is_stopped(study, rising(0.92)[:epoch])


def test_the_same_distance_counts_more_the_less_is_left() -> None:
    study = study_of(SIX)

    assert not is_stopped(study, [0.5])
    assert is_stopped(study, [0.5] * 6)


@pytest.mark.parametrize("seed", range(20))
def test_one_that_has_beaten_the_best_is_never_stopped_and_a_better_score_never_stops(seed: int) -> None:
    draw = np.random.default_rng(seed)
    curves = [np.sort(draw.random(EPOCHS)).tolist() for _ in range(draw.integers(1, 30))]
    study = study_of(curves)
    best = max(max(curve) for curve in curves)

    for epoch in range(1, EPOCHS):
        stopped = [is_stopped(study, [0.0] * (epoch - 1) + [score]) for score in np.linspace(0.0, 1.0, 41)]
        assert stopped == sorted(stopped, reverse=True)
        assert not is_stopped(study, [0.0] * (epoch - 1) + [best])
        assert not is_stopped(study, [best] + [0.0] * (epoch - 1)), "its best epoch is its score"


def test_losses_are_minimised() -> None:
    study = study_of([[2.0 * (1.0 - score) for score in curve] for curve in SIX], direction="minimize")

    assert is_stopped(study, [2.2, 2.1, 2.0, 1.9])
    assert not is_stopped(study, [2.2, 1.0, 0.5, 0.3])
    assert not is_stopped(study, [0.1])


@pytest.mark.parametrize(("direction", "factor"), [("maximize", 100.0), ("minimize", -100.0)])
def test_scores_of_another_range_are_judged_by_this_study_alone(direction: str, factor: float) -> None:
    few = [[factor * score for score in curve] for curve in SIX]

    assert not is_stopped(study_of(few, direction=direction), [factor * 0.1] * 7)
    assert is_stopped(study_of(2 * few, direction=direction), [factor * 0.1] * 7)
    assert not is_stopped(study_of(2 * few, direction=direction), [factor * 0.89] * 7)


def test_without_enough_completed_trials_nothing_is_stopped() -> None:
    hopeless = [0.01] * 7

    assert not is_stopped(study_of(SIX[: FEWEST - 1]), hopeless)
    assert is_stopped(study_of(SIX[:FEWEST]), hopeless)


def test_epochs_without_a_number_are_passed_over() -> None:
    nan = math.nan
    study = study_of([[nan, *curve[1:]] for curve in SIX])

    assert not is_stopped(study, [nan])
    assert not is_stopped(study, [nan, nan])
    assert not is_stopped(study, [0.95, nan])
    assert is_stopped(study, [0.1, nan, 0.1, nan])
    assert not is_stopped(study, [0.1]), "no completed trial has a score after this epoch"


def test_trials_of_another_schedule_count_less() -> None:
    study = study_of([rising(0.9)] * 24)
    add(study, [[0.1] * 6 + [0.4, 0.9]] * 8, schedule="one_cycle")
    waiting = [0.2] * 6

    assert is_stopped(study, waiting, schedule="constant")
    assert not is_stopped(study, waiting, schedule="one_cycle")


def test_a_gain_s_bound_is_a_quantile_of_what_trials_gain() -> None:
    draw = np.random.default_rng(0)
    gains = draw.normal(1.0, 0.5, size=4000)
    bounds = [most_likely_gain(part.tolist(), weights=[1.0] * 12, left=None) for part in gains[:2400].reshape(200, 12)]
    beyond = np.mean([(gains[2400:] > bound).mean() for bound in bounds])

    assert beyond == pytest.approx(0.05, abs=0.01)


def test_the_prior_gives_way_to_many_trials() -> None:
    def bound(count: int) -> float:
        return most_likely_gain([0.1, 0.2, 0.15] * count, weights=[1.0, 1.0, 1.0] * count, left=0.5)

    assert bound(1) > 0.5
    assert bound(100) == pytest.approx(0.15 + 1.645 * 0.05, abs=0.1)
