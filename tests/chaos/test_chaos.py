"""The short form of `python -m tests.chaos`: a few schedules on a small study, real Ray, real databases."""

from __future__ import annotations

import pytest

from tests.chaos.campaign import play_all
from tests.chaos.course import Size
from tests.chaos.schedules import Choices, draw
from tests.chaos.table import table

SEED = 4974
"""Its first five have kills of worker, driver and Ray amid epochs, SIGTERM, and a database that is away."""
CHOICES = Choices(most_faults=2, studies=1)


@pytest.mark.slow
@pytest.mark.timeout(900)  # some twelve runs of the driver, each of which starts Ray
def test_five_studies_that_are_killed_at_random_lose_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    schedules = [draw(seed=SEED, number=number, choices=CHOICES) for number in range(5)]
    outcomes = list(play_all(schedules, size=Size(trials=4, epochs=3), say=print))
    with capsys.disabled():
        print(f"\n{table(outcomes)}\n")
    assert {outcome.number: outcome.violations for outcome in outcomes} == dict.fromkeys(range(5), ())
