"""Row 29 of the fault table: a worker's process that has served long holds hardly more memory than at its beginning.

Given one worker and many networks, each traced anew; no fault; what it holds after the last is held against what it
held after the tenth. A session of Ray of its own: a process has one at a time.
"""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from objectives.messages import Decision, StudyData, TrainingTask
from search.workers.ray_backend.process import RecyclePolicy
from spaces.recipe import ConvNet, Fit, Recipe, Stage
from tests.faults.workers.odd_workers import next_event, odd_workers, until_idle

pytestmark = [pytest.mark.slow, pytest.mark.long]

SOAK = 200
STRUCTURES = 5
"""One more than a worker keeps compiled, so that each training is traced anew."""


def resident_bytes() -> int:
    """Return what this process' only worker holds for itself."""
    (worker,) = [child for child in psutil.Process().children(recursive=True) if child.name().startswith("ray::Worker")]
    return int(worker.memory_full_info().uss)


@pytest.mark.timeout(900)
def test_the_memory_of_a_warm_worker_stays_what_it_was(small_digits: StudyData, tmp_path: Path) -> None:
    grown = {}
    with odd_workers(small_digits, tmp_path, policy=RecyclePolicy(trainings=SOAK + 1)) as workers:
        for trial in range(SOAK):
            network = ConvNet(stages=(Stage(filters=2 + trial % STRUCTURES, convolutions=1),), kernel=3)
            recipe = Recipe(network=network, fit=Fit(learning_rate=0.01, batch_size=64))
            workers.start(TrainingTask(trial=trial, recipe=recipe, seed=trial))
            next_event(workers)
            workers.apply(trial, Decision.FINISH)
            next_event(workers)
            until_idle(workers)
            if trial in (9, SOAK - 1):
                grown[trial] = resident_bytes()
    assert grown[SOAK - 1] <= 1.2 * grown[9], f"{grown[9] / 2**20:.0f} to {grown[SOAK - 1] / 2**20:.0f} MiB"
