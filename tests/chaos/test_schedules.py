"""Schedules: the same seed and number give the same one, and all kinds of faults come."""

from __future__ import annotations

from tests.chaos.schedules import Choices, Kind, draw

CHOICES = Choices()


def test_a_schedule_comes_from_its_seed_and_number_alone() -> None:
    assert draw(seed=3, number=17, choices=CHOICES) == draw(seed=3, number=17, choices=CHOICES)


def test_schedules_differ() -> None:
    assert len({draw(seed=seed, number=number, choices=CHOICES) for seed in (0, 1) for number in range(50)}) == 100


def test_every_kind_of_fault_comes_in_a_hundred_schedules() -> None:
    drawn = {fault.kind for number in range(100) for fault in draw(seed=0, number=number, choices=CHOICES).faults}
    assert drawn == set(Kind)


def test_what_strikes_at_the_end_strikes_last() -> None:
    drawn = [draw(seed=0, number=number, choices=CHOICES).faults for number in range(100)]
    at_the_end = [[fault.epochs is None for fault in faults] for faults in drawn]
    assert all(places == sorted(places) for places in at_the_end)
    assert any(any(places) for places in at_the_end)
