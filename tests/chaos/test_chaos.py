"""The short form of `python -m tests.chaos`: a few schedules on a small study, real Ray, real databases."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.chaos.campaign import play_all
from tests.chaos.course import Size
from tests.chaos.schedules import Choices, draw
from tests.chaos.table import table

SEED = 4974
"""Its first twenty have each kind of kill, on SQLite and on PostgreSQL."""
CHOICES = Choices(most_faults=2, studies=1)


@pytest.mark.slow
@pytest.mark.timeout(3600)  # two or three runs of the driver a schedule, each of which starts Ray
@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param((3, 4), id="kills of Ray, of the driver and of workers"),
        pytest.param(range(20), marks=pytest.mark.long, id="twenty schedules"),
    ],
)
def test_studies_that_are_killed_at_random_lose_nothing(
    numbers: Sequence[int], capsys: pytest.CaptureFixture[str]
) -> None:
    schedules = [draw(seed=SEED, number=number, choices=CHOICES) for number in numbers]
    outcomes = list(play_all(schedules, size=Size(trials=4, epochs=3), say=print))
    with capsys.disabled():
        print(f"\n{table(outcomes)}\n")
    assert {outcome.number: outcome.violations for outcome in outcomes} == dict.fromkeys(numbers, ())
