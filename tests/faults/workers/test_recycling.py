"""Rows 19 and 29 of the fault table: a warm worker's process is replaced before it can do harm.

Given a training that may have damaged its process, or a process that has served long enough; what is reported is the
failure alone, or nothing at all; the next training has a process of its own, and gives what the old one would have.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from objectives.messages import Decision, StudyData
from search.workers.protocol import EpochReported, TrainingEnded, TrainingFailed
from search.workers.ray_backend.pool import RecyclePolicy
from search.workers.ray_backend.workers import RayWorkers
from tests.faults.workers.odd_workers import next_event, odd_workers, task, until_idle

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def workers(small_digits: StudyData, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayWorkers]:
    """One worker, whose process serves for two trainings."""
    policy = RecyclePolicy(trainings=2)
    with odd_workers(small_digits, tmp_path_factory.mktemp("run"), policy=policy) as one:
        yield one


def train(workers: RayWorkers, trial: int, folder: Path) -> tuple[int, TrainingEnded]:
    """Train for one epoch; returns the process that did and its result."""
    until_idle(workers)
    place = folder / str(trial)
    place.mkdir()
    workers.start(task(5, nodes=str(place)))
    reported = next_event(workers)
    assert isinstance(reported, EpochReported)
    workers.apply(5, Decision.FINISH)
    ended = next_event(workers)
    assert isinstance(ended, TrainingEnded)
    (left,) = place.iterdir()
    return int(left.read_text()), ended


def test_a_process_serves_for_so_many_trainings_and_the_next_gives_the_same(
    workers: RayWorkers, tmp_path: Path
) -> None:
    done = [train(workers, trial, tmp_path) for trial in range(3)]
    processes = [process for process, _ in done]
    predicted = {ended.result.predictions.probabilities.tobytes() for _, ended in done}
    assert (processes[0] == processes[1], processes[1] == processes[2], len(predicted)) == (True, False, 1)


def test_a_process_that_ran_out_of_memory_trains_no_more(workers: RayWorkers, tmp_path: Path) -> None:
    for fault, cause in {"out of memory": "host_oom", "out of GPU memory": "gpu_oom"}.items():
        until_idle(workers)
        workers.start(task(6, fault=fault))
        failed = next_event(workers)
        assert isinstance(failed, TrainingFailed)
        assert (failed.failure.cause, workers.idle) == (cause, 0)
    process, _ = train(workers, 7, tmp_path)
    assert process != os.getpid()


def test_an_error_in_a_person_s_network_costs_no_process(workers: RayWorkers) -> None:
    until_idle(workers)
    workers.start(task(8, fault="broken"))
    failed = next_event(workers)
    assert isinstance(failed, TrainingFailed)
    assert (failed.failure.cause, workers.idle) == ("error", 1)
