"""Warm Ray actors on a cluster of two nodes, with the real trainer."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from objectives.messages import Decision, StudyData
from search.system.signals import Interrupted
from search.workers.protocol import (
    EpochReported,
    Event,
    Notice,
    TrainingEnded,
    TrainingFailed,
    TrainingPaused,
    WorkerReady,
)
from search.workers.ray_backend.session import RaySession
from search.workers.ray_backend.workers import RayWorkers
from tests.search.workers.contract import OBJECTIVE, ODD_SPACE, WorkersContract, task

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

_longest_seconds = 240
"""Guards against hanging: a new worker takes ten seconds here, and minutes beside ten other busy processes."""


@pytest.fixture(scope="module")
def two_workers(
    ray_cluster: Any, small_digits: StudyData, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RayWorkers]:
    session = RaySession.begin(
        address=ray_cluster.address,
        modules=[ODD_SPACE.suggest.__module__],
        log_file=tmp_path_factory.mktemp("run") / "log.txt",
    )
    workers = RayWorkers(session=session, data=small_digits, objective=OBJECTIVE)
    yield workers
    workers.close()


@pytest.fixture
def workers(two_workers: RayWorkers) -> RayWorkers:
    """Both workers, idle."""
    _until_idle(two_workers, 2)
    return two_workers


class TestRayWorkers(WorkersContract):
    """Two workers on two nodes."""

    @pytest.fixture
    def workers(self, two_workers: RayWorkers) -> RayWorkers:
        """Both of them."""
        return two_workers


def test_one_worker_per_processor_by_default(workers: RayWorkers) -> None:
    assert workers.count == 2


def test_both_nodes_train(workers: RayWorkers, tmp_path: Path) -> None:
    for trial in (0, 1):
        workers.start(task(trial, nodes=str(tmp_path)))
    _finish_both(workers)
    assert len(list(tmp_path.iterdir())) == 2


def test_another_worker_goes_on_where_one_was_paused(workers: RayWorkers) -> None:
    workers.start(task(5))
    _next(workers)
    workers.apply(5, Decision.PAUSE)
    paused = _next(workers)
    assert isinstance(paused, TrainingPaused)
    assert workers.idle == 2
    workers.start(task(6))
    workers.start(replace(task(5), checkpoint=paused.checkpoint))
    events = [event for event in (_next(workers), _next(workers)) if isinstance(event, EpochReported)]
    for event in events:
        _finish(workers, event.trial)
    assert {event.trial: event.report.epoch for event in events} == {5: 2, 6: 1}


def test_trainings_are_halted_as_soon_as_an_epoch_is_asked_for(workers: RayWorkers) -> None:
    """Ray may not have sent that call yet, and loses its place in the order of calls if it is cancelled then."""
    left = []
    for _ in range(10):
        workers.start(task(5))
        _next(workers)
        workers.apply(5, Decision.CONTINUE)
        workers.halt()
        left.append(_next(workers))
        _until_idle(workers, 2)
    assert {type(event) for event in left} == {TrainingPaused}


def test_a_worker_that_dies_with_two_answers_due_is_lost_once(workers: RayWorkers, tmp_path: Path) -> None:
    workers.start(task(9, nodes=str(tmp_path)))
    _next(workers)
    (file,) = tmp_path.iterdir()
    os.kill(int(file.read_text()), signal.SIGKILL)
    workers.apply(9, Decision.CONTINUE, make_checkpoint=True)
    events = [_next(workers)]
    while not isinstance(events[-1], WorkerReady):
        events.append(_next(workers))
    assert sum(isinstance(event, TrainingFailed) for event in events) == 1


def test_predictions_outlive_shared_memory(workers: RayWorkers) -> None:
    workers.start(task(5))
    _next(workers)
    predictions = _finish(workers, 5).result.predictions
    assert all(array.flags.owndata for array in (predictions.probabilities, predictions.labels, predictions.images))


def test_a_dead_worker_is_noticed_within_five_seconds_and_replaced(workers: RayWorkers) -> None:
    workers.start(task(7))
    _next(workers)
    workers.apply(7, Decision.CONTINUE)
    _next(workers)
    workers.apply(7, Decision.FINISH)
    _next(workers)
    began = time.monotonic()
    number = workers.start(task(8, fault="killed"))
    lost = _next(workers)
    seconds = time.monotonic() - began
    assert lost == TrainingFailed(worker=number, trial=8, failure=lost.failure)  # type: ignore[union-attr]
    assert (lost.failure.cause, lost.failure.message) == ("worker_lost", "worker died at epoch 1/2")  # type: ignore[union-attr]
    assert seconds < 5
    ready = _next(workers)
    assert isinstance(ready, WorkerReady)
    assert ready.worker == number


def test_ctrl_c_while_ray_waits_is_no_internal_error(workers: RayWorkers) -> None:
    def interrupt(*_: object) -> None:
        raise Interrupted("stopped at once")

    previous = signal.signal(signal.SIGALRM, interrupt)
    workers.start(task(9, fault="slow"))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(Interrupted, match="stopped at once"):
            workers.next_event(timeout_seconds=60.0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, previous)
    _finish(workers, _next(workers).trial)  # type: ignore[union-attr]


def test_a_lost_node_fails_its_training_and_a_new_node_takes_the_worker(
    workers: RayWorkers, ray_cluster: Any, tmp_path: Path
) -> None:
    for trial in (0, 1):
        workers.start(task(trial, nodes=str(tmp_path)))
    ray_cluster.remove_node(next(iter(ray_cluster.worker_nodes)), allow_graceful=False)
    while isinstance(event := _next(workers), EpochReported):  # a worker may outlive its node for an epoch or two
        workers.apply(event.trial, Decision.CONTINUE)
    ray_cluster.add_node(num_cpus=1, object_store_memory=100 * 2**20)
    failed = _next(workers)
    assert isinstance(event, Notice)
    assert event.line.endswith("lost with 1 trial; workers left: 1")
    assert isinstance(failed, TrainingFailed)
    assert (failed.failure.cause, "its machine was lost" in failed.failure.message) == ("worker_lost", True)
    while not isinstance(left := _next(workers), EpochReported):  # the new node may be ready first
        assert isinstance(left, WorkerReady)
    workers.apply(left.trial, Decision.FINISH)
    _until_idle(workers, 2)


def _next(workers: RayWorkers) -> Event:
    deadline = time.monotonic() + _longest_seconds
    while time.monotonic() < deadline:
        event = workers.next_event(1.0)
        if event is not None:
            return event
    raise AssertionError(f"nothing happened for {_longest_seconds} seconds")


def _finish(workers: RayWorkers, trial: int, *, keep_model: bool = False) -> TrainingEnded:
    workers.apply(trial, Decision.FINISH, keep_model=keep_model)
    event = _next(workers)
    assert isinstance(event, TrainingEnded)
    return event


def _finish_both(workers: RayWorkers) -> None:
    """End two trainings after an epoch; their messages come in any order."""
    for event in [_next(workers), _next(workers)]:
        assert isinstance(event, EpochReported)
        workers.apply(event.trial, Decision.FINISH)
    _until_idle(workers, 2)


def _until_idle(workers: RayWorkers, count: int) -> None:
    while workers.idle < count:
        _next(workers)
