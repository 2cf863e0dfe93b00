"""How long a trial may take, and what counts towards it."""

from __future__ import annotations

from search.trainings.limits import TrialBudget, TrialTimer


class Seconds:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def after(seconds: int, *, limit: float | None, spent: float = 0.0, more: float = 0.0) -> bool:
    """Return whether a trial is over its time when so many seconds have passed, one by one."""
    clock = Seconds()
    time = TrialTimer(limit_seconds=limit, clock=clock)
    time.started(7, spent_seconds=spent)
    for _ in range(seconds):
        clock.now += 1.0
        time.is_over(7)
    return time.is_over(7, with_seconds=more)


def test_a_budget_counts_from_the_start_of_the_command() -> None:
    clock = Seconds()
    budget = TrialBudget(trials=9, timeout_seconds=60, spent_seconds=20, clock=clock)
    clock.now += 39
    assert not budget.is_over
    clock.now += 1
    assert (budget.is_over, budget.may_start(0)) == (True, False)


def test_its_limit_is_still_in_time() -> None:
    assert [after(60, limit=60), after(61, limit=60), after(1000, limit=None)] == [False, True, False]


def test_earlier_attempts_count() -> None:
    assert after(30, limit=60, spent=31)


def test_an_epoch_that_would_end_too_late_is_known_before() -> None:
    assert [after(30, limit=60, more=30), after(30, limit=60, more=31)] == [False, True]


def test_the_sleep_of_a_laptop_is_nobody_s_time() -> None:
    clock = Seconds()
    time = TrialTimer(limit_seconds=60, clock=clock)
    time.started(7, spent_seconds=0)
    clock.now += 10_000
    assert not time.is_over(7)
