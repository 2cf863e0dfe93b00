"""When a training counts as stalled."""

from __future__ import annotations

from search.workers.stalls import StallDetector


class Hours:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def wait(stalls: StallDetector, clock: Hours, seconds: int, *, running: tuple[int, ...] = (0,)) -> list[int]:
    """Let time pass as the loop does, second by second."""
    hung: list[int] = []
    for _ in range(seconds):
        clock.now += 1.0
        hung = stalls.stalled(running)
    return hung


def test_a_silence_of_the_limit_is_none_yet() -> None:
    clock = Hours()
    stalls = StallDetector(stall_seconds=60, clock=clock)
    stalls.started(0)
    stalls.reported(0, seconds=1.0)
    assert (wait(stalls, clock, 60), wait(stalls, clock, 1)) == ([], [0])


def test_ten_times_the_longest_epoch_is_allowed() -> None:
    clock = Hours()
    stalls = StallDetector(stall_seconds=60, clock=clock)
    stalls.started(0)
    stalls.reported(0, seconds=30.0)
    stalls.reported(0, seconds=20.0)
    assert (wait(stalls, clock, 300), wait(stalls, clock, 1)) == ([], [0])


def test_what_came_before_the_first_epoch_counts_as_usual_too() -> None:
    clock = Hours()
    stalls = StallDetector(stall_seconds=60, clock=clock)
    stalls.started(0)
    wait(stalls, clock, 40)
    stalls.reported(0, seconds=1.0)
    assert stalls.limit_seconds == 400


def test_the_very_first_training_is_given_more_time() -> None:
    clock = Hours()
    stalls = StallDetector(stall_seconds=60, clock=clock)
    stalls.started(0)
    assert (wait(stalls, clock, 360), wait(stalls, clock, 1)) == ([], [0])


def test_each_training_has_a_silence_of_its_own() -> None:
    clock = Hours()
    stalls = StallDetector(stall_seconds=60, clock=clock)
    stalls.started(0)
    stalls.started(1)
    stalls.reported(0, seconds=1.0)
    wait(stalls, clock, 50, running=(0, 1))
    stalls.reported(1, seconds=1.0)
    stalls.reported(0, seconds=1.0)
    wait(stalls, clock, 400, running=(0,))
    assert wait(stalls, clock, 200, running=(0, 1)) == [0]


def test_a_driver_that_was_suspended_has_heard_nobody_and_blames_nobody() -> None:
    clock = Hours()
    stalls = StallDetector(stall_seconds=60, clock=clock)
    stalls.started(0)
    stalls.reported(0, seconds=1.0)
    clock.now += 8 * 3600
    assert stalls.stalled([0]) == []


def test_one_that_was_given_up_is_listened_to_anew() -> None:
    clock = Hours()
    stalls = StallDetector(stall_seconds=60, clock=clock)
    stalls.started(0)
    stalls.reported(0, seconds=1.0)
    wait(stalls, clock, 61)
    stalls.started(0)
    assert wait(stalls, clock, 60) == []
