"""Counts, the best so far, and when a search may end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from objectives.evaluation.metrics import Direction
from reports.wording import duration
from search.progress.search_status import SearchStatus
from search.results.summary import TrialCounts, counts_in_words
from search.wording import params_in_words, remaining_in_words
from tests.search.fixtures.progress_plan import ended, epoch, plan


def test_trials_are_counted_by_state() -> None:
    status = SearchStatus(plan(earlier=(ended(0), ended(1, state="PRUNED"))))
    status.start(2, worker=0)
    status.start(3, worker=1)
    status.end(ended(2, state="FAIL", score=None))

    assert status.counts == TrialCounts(total=8, complete=1, pruned=1, failed=1, running=1)


@pytest.mark.parametrize(("direction", "best"), [(Direction.MAXIMIZE, 1), (Direction.MINIMIZE, 0)])
def test_the_best_follows_the_direction_and_is_complete(direction: Direction, best: int) -> None:
    status = SearchStatus(replace(plan(), direction=direction))
    for record in (ended(0, score=0.2), ended(1, score=0.8), ended(2, score=0.9, state="PRUNED")):
        status.end(record)
    status.end(ended(3, score=0.05, state="PRUNED"))

    assert status.best is not None
    assert status.best.trial == best


def test_of_equals_the_first_is_the_best() -> None:
    status = SearchStatus(plan(earlier=(ended(0), ended(1))))

    assert status.best is not None
    assert status.best.trial == 0


def test_nothing_is_said_about_the_end_before_three_trials_of_this_run() -> None:
    status = SearchStatus(plan(earlier=(ended(0), ended(1), ended(2))), clock=lambda: 0.0)
    status.end(ended(3))
    status.end(ended(4))

    assert status.remaining is None


def test_equal_trials_give_an_end_without_doubt() -> None:
    status = SearchStatus(plan(trials=7, workers=2), clock=lambda: 0.0)
    for trial in range(3):
        status.end(ended(trial, seconds=10.0))

    assert status.remaining == (20.0, 20.0)  # four trials of ten seconds on two workers


def test_epochs_under_way_count_as_done() -> None:
    status = SearchStatus(plan(trials=4, workers=1), clock=lambda: 0.0)
    for trial in range(3):
        status.end(ended(trial, seconds=8.0))
    status.report(3, epoch(2), worker=0)

    assert status.remaining == (4.0, 4.0)


def test_unequal_trials_give_a_range_around_their_mean() -> None:
    status = SearchStatus(plan(trials=13, workers=1), clock=lambda: 0.0)
    for trial, seconds in enumerate((5.0, 10.0, 15.0)):
        status.end(ended(trial, seconds=seconds))

    assert status.remaining is not None
    least, most = status.remaining
    assert 0.0 <= least < 100.0 < most


def test_the_time_limit_bounds_the_end() -> None:
    status = SearchStatus(plan(trials=1000, timeout_seconds=60.0), clock=lambda: 0.0)
    for trial in range(3):
        status.end(ended(trial))

    assert status.remaining == (60.0, 60.0)


def test_after_the_timeout_no_time_left_is_shown() -> None:
    now = [0.0]
    late = replace(plan(trials=1000, timeout_seconds=80.0), seconds_before=20.0)
    status = SearchStatus(late, clock=lambda: now[0])
    for trial in range(3):
        status.end(ended(trial))
    now[0] = 59.0
    assert (status.elapsed, status.remaining) == (79.0, (1.0, 1.0))
    now[0] = 60.0
    assert status.remaining is None


def test_a_trial_that_pauses_is_not_running() -> None:
    status = SearchStatus(plan())
    status.start(0, worker=0)
    status.pause(0)
    status.pause(7)

    assert status.counts.running == 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0 s"), (0.4, "0.4 s"), (59.6, "1 min"), (185, "3 min 5 s"), (4800, "1 h 20 min"), (7205, "2 h")],
)
def test_durations_in_words(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("remaining", "text"),
    [(None, ""), ((60.0, 90.0), "1 min to 1 min 30 s left"), ((15.0, 15.1), "15 s left"), ((0.0, 0.4), "")],
)
def test_the_end_in_words(remaining: tuple[float, float] | None, text: str) -> None:
    assert remaining_in_words(remaining) == text


def test_states_without_trials_are_not_mentioned() -> None:
    assert counts_in_words(TrialCounts(total=8, complete=3, running=2)) == "3 of 8 trials: 3 complete, 2 running"
    assert counts_in_words(TrialCounts(total=8)) == "0 of 8 trials"


def test_parameters_are_short() -> None:
    assert params_in_words({"rate": 0.00123456, "norm": True, "kind": "max"}) == "rate=0.00123, norm=True, kind=max"


def test_after_the_last_trial_no_time_left_is_shown() -> None:
    status = SearchStatus(plan(trials=3))
    for trial in range(3):
        status.end(ended(trial))
    assert status.remaining is None
