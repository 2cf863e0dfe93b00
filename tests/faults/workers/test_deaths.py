"""Rows 1, 2 and 18 of the fault table: a worker dies, and a person reads how.

Given a training on a warm worker of this machine; the fault is a signal, an exit, or want of memory; what is
reported names it, what is kept for `traceback.txt` shows where the process was; the next worker trains.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ray.exceptions import ActorDiedError, OutOfMemoryError

from objectives.messages import StudyData
from search.workers.protocol import EpochReported, TrainingFailed
from search.workers.ray_backend.crash_log import CrashLog, oom_kills
from search.workers.ray_backend.failures import worker_death
from search.workers.ray_backend.workers import RayWorkers
from tests.faults.workers.odd_workers import next_event, odd_workers, task, until_idle

SILENT = CrashLog(pid=77, text="")


@pytest.fixture(scope="module")
def workers(small_digits: StudyData, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayWorkers]:
    """One worker of this machine, replaced after each death."""
    with odd_workers(small_digits, tmp_path_factory.mktemp("run")) as one:
        yield one


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "how", "kept"),
    [
        ("killed", "SIGKILL", "The actor died unexpectedly"),
        ("crashed", "SIGSEGV", 'odd_space.py", line'),
        ("aborted", "SIGABRT", 'odd_space.py", line'),
        ("left", "exit status 7", "exit code 7"),
    ],
)
def test_a_death_is_told_with_how_it_came(workers: RayWorkers, fault: str, how: str, kept: str) -> None:
    until_idle(workers)
    workers.start(task(3, fault=fault))
    lost = next_event(workers)
    assert isinstance(lost, TrainingFailed)
    assert (lost.failure.cause, lost.failure.message) == ("worker_lost", f"worker died ({how}) at epoch 1/2")
    assert kept in lost.failure.traceback


@pytest.mark.slow
def test_the_next_worker_trains(workers: RayWorkers) -> None:
    until_idle(workers)
    workers.start(task(3, fault="killed"))
    next_event(workers)
    until_idle(workers)
    workers.start(task(4))
    assert isinstance(next_event(workers), EpochReported)


def test_a_kill_while_the_system_runs_out_of_memory_is_want_of_memory() -> None:
    failure = worker_death(ActorDiedError(), place="at epoch 2/8", log=SILENT, was_short_of_memory=True)
    said = "worker died (SIGKILL, as the system ran out of memory) at epoch 2/8"
    assert (failure.cause, failure.message) == ("host_oom", said)


def test_ray_s_own_memory_monitor_is_believed() -> None:
    error = OutOfMemoryError("the node was about to run out of memory")
    failure = worker_death(error, place="at epoch 2/8", log=SILENT, was_short_of_memory=False)
    assert (failure.cause, failure.message) == ("host_oom", "worker's machine ran out of memory at epoch 2/8")


def test_of_a_worker_elsewhere_nothing_is_made_up() -> None:
    failure = worker_death(ActorDiedError(), place="at epoch 2/8", log=None, was_short_of_memory=False)
    assert failure.message == "worker died at epoch 2/8"


def test_a_crash_is_no_want_of_memory_whatever_else_the_system_killed() -> None:
    log = CrashLog(pid=77, text="Fatal Python error: Bus error\n\nCurrent thread ...")
    failure = worker_death(ActorDiedError(), place="at epoch 2/8", log=log, was_short_of_memory=True)
    assert (failure.cause, failure.message) == ("worker_lost", "worker died (SIGBUS) at epoch 2/8")


def test_the_kernel_s_counter_is_read(tmp_path: Path) -> None:
    (tmp_path / "vmstat").write_text("pgfault 12\noom_kill 3\noom_kill_x 9\n")
    assert (oom_kills(tmp_path / "vmstat"), oom_kills(tmp_path / "missing")) == (3, 0)
