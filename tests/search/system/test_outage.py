"""Outages: when the user is reminded, and when an outage is too long."""

from __future__ import annotations

import pytest

from search.system.outage import Outage


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock of the test's own."""
    return Clock()


@pytest.fixture
def lines() -> list[str]:
    """What was printed."""
    return []


def test_lines_keep_their_distance_and_a_new_outage_begins_with_one(clock: Clock, lines: list[str]) -> None:
    outage = Outage(note=lines.append, remind_seconds=30.0, clock=clock)
    for second in range(62):
        clock.now = 100.0 + second
        outage.begin()
        outage.remind(f"gone for {outage.seconds:.0f} s")
    assert (lines, outage.end()) == (["gone for 0 s", "gone for 30 s", "gone for 60 s"], 61.0)
    outage.begin()
    outage.remind("gone again")
    assert lines[3:] == ["gone again"]


def test_the_first_line_may_come_later(clock: Clock, lines: list[str]) -> None:
    outage = Outage(note=lines.append, remind_seconds=60.0, first_after_seconds=20.0, clock=clock)
    outage.begin()
    for second in (0, 19, 20, 79, 80):
        clock.now = 100.0 + second
        outage.remind(f"gone for {outage.seconds:.0f} s")
    assert lines == ["gone for 20 s", "gone for 80 s"]


def test_without_an_outage_nothing_is_printed_or_too_long(clock: Clock, lines: list[str]) -> None:
    outage = Outage(note=lines.append, remind_seconds=30.0, limit_seconds=0.0, clock=clock)
    outage.remind("gone")
    assert (lines, outage.is_on, outage.is_too_long, outage.seconds, outage.end()) == ([], False, False, 0.0, 0.0)


@pytest.mark.parametrize(("lasts", "is_too_long"), [(0.0, False), (49.5, False), (50.0, True)])
def test_an_outage_is_too_long_at_its_limit(clock: Clock, lasts: float, is_too_long: bool) -> None:  # noqa: FBT001
    outage = Outage(note=print, remind_seconds=30.0, limit_seconds=50.0, clock=clock)
    outage.begin()
    clock.now += lasts
    assert (outage.is_too_long, outage.seconds_left) == (is_too_long, 50.0 - lasts)


def test_where_no_outage_is_allowed_each_is_too_long_at_once(clock: Clock) -> None:
    outage = Outage(note=print, remind_seconds=30.0, limit_seconds=0.0, clock=clock)
    outage.begin()
    assert outage.is_too_long
