"""The watchdog: what counts as silence, and how much of it is too much."""

from __future__ import annotations

from search.driver.watchdog import Watchdog


class Hours:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def wait(watchdog: Watchdog, clock: Hours, seconds: int, *, running: tuple[int, ...] = (0,)) -> list[int]:
    """Let time pass as the loop does, second by second."""
    hung: list[int] = []
    for _ in range(seconds):
        clock.now += 1.0
        hung = watchdog.hung(running)
    return hung


def test_a_silence_of_the_limit_is_none_yet() -> None:
    clock = Hours()
    watchdog = Watchdog(stall_seconds=60, clock=clock)
    watchdog.began(0)
    watchdog.heard(0, seconds=1.0)
    assert (wait(watchdog, clock, 60), wait(watchdog, clock, 1)) == ([], [0])


def test_ten_times_the_longest_epoch_is_allowed() -> None:
    clock = Hours()
    watchdog = Watchdog(stall_seconds=60, clock=clock)
    watchdog.began(0)
    watchdog.heard(0, seconds=30.0)
    watchdog.heard(0, seconds=20.0)
    assert (wait(watchdog, clock, 300), wait(watchdog, clock, 1)) == ([], [0])


def test_what_came_before_the_first_epoch_counts_as_usual_too() -> None:
    clock = Hours()
    watchdog = Watchdog(stall_seconds=60, clock=clock)
    watchdog.began(0)
    wait(watchdog, clock, 40)
    watchdog.heard(0, seconds=1.0)
    assert watchdog.limit_seconds == 400


def test_the_very_first_training_is_given_more_time() -> None:
    clock = Hours()
    watchdog = Watchdog(stall_seconds=60, clock=clock)
    watchdog.began(0)
    assert (wait(watchdog, clock, 360), wait(watchdog, clock, 1)) == ([], [0])


def test_each_training_has_a_silence_of_its_own() -> None:
    clock = Hours()
    watchdog = Watchdog(stall_seconds=60, clock=clock)
    watchdog.began(0)
    watchdog.began(1)
    watchdog.heard(0, seconds=1.0)
    wait(watchdog, clock, 50, running=(0, 1))
    watchdog.heard(1, seconds=1.0)
    watchdog.heard(0, seconds=1.0)
    wait(watchdog, clock, 400, running=(0,))
    assert wait(watchdog, clock, 200, running=(0, 1)) == [0]


def test_a_driver_that_was_suspended_has_heard_nobody_and_blames_nobody() -> None:
    clock = Hours()
    watchdog = Watchdog(stall_seconds=60, clock=clock)
    watchdog.began(0)
    watchdog.heard(0, seconds=1.0)
    clock.now += 8 * 3600
    assert watchdog.hung([0]) == []


def test_one_that_was_given_up_is_listened_to_anew() -> None:
    clock = Hours()
    watchdog = Watchdog(stall_seconds=60, clock=clock)
    watchdog.began(0)
    watchdog.heard(0, seconds=1.0)
    wait(watchdog, clock, 61)
    watchdog.began(0)
    assert wait(watchdog, clock, 60) == []
