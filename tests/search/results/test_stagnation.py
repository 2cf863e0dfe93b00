"""When a study has stopped improving."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

from reports.stored.records import TrialRecord
from search.results.stagnation import find_stagnation, trials_since_best
from tests.search.fixtures.progress_plan import ended
from tests.search.fixtures.toy import toy_settings


def trials(*scores: float | None) -> list[TrialRecord]:
    """Return trials that ended in this order; None: pruned."""
    return [
        replace(ended(number, score=score), state="PRUNED" if score is None else "COMPLETE", score=score or 0.95)
        for number, score in enumerate(scores)
    ]


@pytest.mark.parametrize(
    ("scores", "since"),
    [
        ((), 0),
        ((None, None), 0),
        ((0.5,), 0),
        ((0.5, 0.6), 0),
        ((0.5, 0.5), 1),
        ((None, 0.5, 0.4, None, 0.3), 3),
        ((0.5, 0.4, 0.6, None), 1),
    ],
)
def test_trials_since_the_best_are_counted(scores: tuple[float | None, ...], since: int) -> None:
    assert trials_since_best(trials(*scores), "val_accuracy") == since


def test_losses_improve_downwards() -> None:
    assert trials_since_best(trials(0.5, 0.4, 0.6), "val_loss") == 1


def test_the_order_is_that_in_which_trials_ended() -> None:
    late_best, early = ended(0, score=0.9), ended(1, score=0.5)
    late_best = replace(late_best, ended="2026-01-02T00:00:00+00:00")

    assert trials_since_best([late_best, early], "val_accuracy") == 0


def test_failed_trials_do_not_count() -> None:
    failed = replace(ended(1, score=None), state="FAIL")

    assert trials_since_best([ended(0), failed, ended(2)], "val_accuracy") == 1


def test_without_a_limit_nothing_stagnates() -> None:
    assert find_stagnation(asdict(toy_settings()), trials(*[0.5] * 40)) is None
    assert find_stagnation({}, trials(*[0.5] * 40)) is None  # stored before there were such limits
    assert find_stagnation(asdict(replace(toy_settings(), min_gain=0.0)), trials(*[0.5] * 40)) is None


def test_the_way_to_go_on_lifts_the_limit() -> None:
    found = find_stagnation(asdict(replace(toy_settings(), no_improvement_trials=2)), trials(0.5, 0.4, 0.4, 0.4))

    assert found is not None
    assert (found.reason, found.more) == ("the last 3 trials brought no better score", " --no-improvement-trials 6")
    assert find_stagnation(asdict(replace(toy_settings(), no_improvement_trials=6)), trials(0.5, 0.4, 0.4, 0.4)) is None


def test_a_gain_below_the_limit_stagnates() -> None:
    scores = [float(score) for score in np.linspace(0.6, 0.8, 20)]

    assert find_stagnation(asdict(replace(toy_settings(), min_gain=0.002)), trials(*scores)) is None
    found = find_stagnation(asdict(replace(toy_settings(), min_gain=0.5)), trials(*scores))
    assert found is not None
    assert (found.reason, found.more) == ("another 20 trials would likely gain less than 0.5", " --min-gain 0")
