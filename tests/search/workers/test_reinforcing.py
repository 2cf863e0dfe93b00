"""More workers while a search runs, and fewer again, on a Ray of its own."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from objectives.messages import Decision, StudyData
from search.workers.protocol import EpochReported
from search.workers.ray_backend.workers import RayWorkers
from tests.faults.workers.odd_workers import next_event, odd_workers, task


def until_idle_are(count: int, workers: RayWorkers) -> None:
    """Wait until so many could take a task."""
    deadline = time.monotonic() + 200
    while workers.idle != count:
        assert time.monotonic() < deadline, f"{workers.idle} workers are idle"
        workers.next_event(0.5)


@pytest.mark.slow
def test_workers_beyond_a_machine_s_processors_train_and_go_when_their_training_has_ended(
    small_digits: StudyData, tmp_path: Path
) -> None:
    with odd_workers(small_digits, tmp_path) as workers:
        workers.reinforce(1)
        workers.reinforce(1)
        until_idle_are(2, workers)
        by = {workers.start(task(trial)) for trial in (0, 1)}
        workers.reinforce(0)
        reported = [next_event(workers), next_event(workers)]
        assert all(isinstance(event, EpochReported) for event in reported)
        for trial in (0, 1):
            workers.apply(trial, Decision.FINISH)
        ended = [next_event(workers), next_event(workers)]
        workers.reinforce(0)
        assert (by, {event.worker for event in ended}, workers.idle) == ({0, 1}, {0, 1}, 1)
        assert workers.start(task(2)) == 0
