"""Rows 1, 2, 19, 20, 29 and 30 of the fault table, on a real worker: it dies, it hangs, it has served long enough.

Given a training on a warm worker of this machine; the fault is a signal, an exit, a hang, or want of memory; what is
reported names it, what is kept for `traceback.txt` shows where the process was, and the next training has a process of
its own. One Ray and one worker, replaced after each fault, serve all of these tests.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from objectives.messages import Decision, StudyData, TrainingFailure
from search.workers.protocol import EpochReported, TrainingEnded, TrainingFailed
from search.workers.ray_backend.process import RecyclePolicy
from search.workers.ray_backend.workers import RayWorkers
from tests.faults.files.test_security import mode_of
from tests.faults.workers.odd_workers import next_event, odd_workers, task, until_idle

pytestmark = pytest.mark.slow

HUNG = TrainingFailure(cause="hung", message="worker reported nothing for 10 min at epoch 1/2")


@pytest.fixture(scope="module")
def workers(small_digits: StudyData, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayWorkers]:
    """One worker, whose process serves for two trainings."""
    policy = RecyclePolicy(trainings=2)
    with odd_workers(small_digits, tmp_path_factory.mktemp("run"), policy=policy) as one:
        yield one


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


@pytest.mark.parametrize(("fault", "shown"), [("asleep", "odd_space.py"), ("busy", "odd_space.py"), ("stopped", "")])
def test_a_worker_that_hangs_is_killed_and_replaced(workers: RayWorkers, fault: str, shown: str) -> None:
    until_idle(workers)
    workers.start(task(3, fault=fault))
    assert workers.next_event(3.0) is None
    workers.give_up(3, HUNG)
    lost = next_event(workers)
    assert isinstance(lost, TrainingFailed)
    assert (lost.failure.cause, lost.failure.message) == (HUNG.cause, HUNG.message)
    assert shown in lost.failure.traceback
    until_idle(workers)
    workers.start(task(4))
    trained = next_event(workers)
    assert isinstance(trained, EpochReported)
    assert trained.trial == 4
    workers.apply(4, Decision.FINISH)
    next_event(workers)


def test_a_busy_machine_does_not_starve_workers_more_than_their_driver(workers: RayWorkers) -> None:
    until_idle(workers)
    trains = [one for one in psutil.Process().children(recursive=True) if "ray::WorkerActor" in " ".join(one.cmdline())]
    assert {one.nice() for one in trains} == {os.nice(0)}


def test_an_own_cluster_is_closed_to_others(workers: RayWorkers) -> None:
    until_idle(workers)
    children = psutil.Process().children(recursive=True)
    commands = [" ".join(child.cmdline()) for child in children]
    folders = {found for command in commands for found in re.findall(r"(/[^ =]*/tamiz-[^/ ]+)/r/", command)}
    modes = [mode_of(Path(folder)) for folder in folders]
    told = [child.environ()["RAY_USAGE_STATS_ENABLED"] for child in children if child.name() == "gcs_server"]
    assert (modes, told) == (["700"], ["0"])

    pages = [command for command in commands if "dashboard/dashboard.py" in command]
    assert all("--host=127.0.0.1" in page and "--disable-frontend" in page for page in pages)
    assert mode_of(Path.home() / ".ray" / "auth_token") == "600"
