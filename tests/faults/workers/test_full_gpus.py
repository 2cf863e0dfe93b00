"""Row 19 of the fault table: a GPU that workers share runs out of memory. Ray accepts GPUs that a machine has not.

Given two workers on one GPU; the fault is that a training there runs out of memory; it is then given the whole GPU,
and after it both workers are there again.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from objectives.messages import Decision, StudyData
from search.system.output_capture import only_own_lines
from search.workers.protocol import EpochReported, TrainingFailed, WorkerReady
from search.workers.ray_backend.session import RaySession
from search.workers.ray_backend.workers import RayWorkers
from spaces.catalogue import find_space
from tests.search.workers.contract import OBJECTIVE, next_event, task, wait_for_idle

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

_space = find_space(str(Path(__file__).parents[2] / "search" / "fixtures" / "odd_space.py"))


@pytest.fixture(scope="module")
def one_gpu() -> Iterator[Any]:
    """A Ray cluster of one node that says that it has a GPU."""
    from ray.cluster_utils import Cluster

    with (
        pytest.MonkeyPatch.context() as environment,
        tempfile.TemporaryDirectory(prefix="tamiz-cluster-") as folder,
        only_own_lines(Path(folder, "log.txt")),
    ):
        environment.setenv("RAY_worker_niceness", "0")
        environment.delenv("CUDA_VISIBLE_DEVICES", raising=False)  # where it hides all GPUs, Ray adds none
        head = {"num_cpus": 2, "num_gpus": 1, "include_dashboard": False, "object_store_memory": 100 * 2**20}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        yield cluster
        cluster.shutdown()


@pytest.fixture
def workers(one_gpu: Any, small_digits: StudyData, tmp_path: Path) -> Iterator[RayWorkers]:
    session = RaySession.begin(
        address=one_gpu.address, workers=2, modules=[_space.suggest.__module__], log_file=tmp_path / "log.txt"
    )
    workers = RayWorkers(session=session, data=small_digits, objective=OBJECTIVE)
    wait_for_idle(workers, 2)
    yield workers
    workers.close()


def test_a_training_gets_the_whole_gpu_and_both_workers_come_back(workers: RayWorkers) -> None:
    full = task(0, fault="out of GPU memory")
    workers.start(full)
    beside = next_event(workers)
    assert isinstance(beside, TrainingFailed)
    assert (beside.failure.cause, beside.failure.shares_gpu) == ("gpu_oom", True)
    wait_for_idle(workers, 2)

    workers.start(replace(full, attempt=2, needs_whole_gpu=True))
    assert workers.idle == 0
    alone = next_event(workers)
    assert isinstance(alone, TrainingFailed)
    assert (alone.failure.cause, alone.failure.shares_gpu) == ("gpu_oom", False)
    wait_for_idle(workers, 2)

    workers.start(replace(task(1), needs_whole_gpu=True))
    assert isinstance(next_event(workers), EpochReported)
    assert workers.idle == 0
    workers.apply(1, Decision.FINISH)
    next_event(workers)
    wait_for_idle(workers, 2)


def test_a_worker_that_dies_with_the_whole_gpu_does_not_keep_it(workers: RayWorkers) -> None:
    workers.start(replace(task(2, fault="killed"), needs_whole_gpu=True))
    lost = next_event(workers)
    assert isinstance(lost, TrainingFailed)
    assert lost.failure.cause == "worker_lost"
    wait_for_idle(workers, 2)


def test_each_worker_says_that_its_backend_sees_no_gpu(workers: RayWorkers) -> None:
    workers.start(replace(task(3), needs_whole_gpu=True))
    ready = _ready(workers)
    assert ready.device is not None
    assert (ready.device.kind, "sees no GPU" in str(ready.device.problem)) == ("cpu", True)
    assert isinstance(next_event(workers), EpochReported)
    workers.apply(3, Decision.FINISH)
    next_event(workers)
    wait_for_idle(workers, 2)


def _ready(workers: RayWorkers) -> WorkerReady:
    deadline, event = time.monotonic() + 240, None
    while not isinstance(event, WorkerReady):
        assert time.monotonic() < deadline
        event = workers.next_event(1.0)
    return event
