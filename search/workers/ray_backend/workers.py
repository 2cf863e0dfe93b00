"""Workers that are warm Ray actors, on this machine or on a cluster."""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from objectives.messages import Decision, Objective, StudyData, TrainingFailure, TrainingTask
from search.settings import CLUSTER_WAIT_SECONDS
from search.system.signals import Stopped
from search.workers.protocol import (
    CheckpointMade,
    EpochReported,
    Event,
    Notice,
    PartMeasured,
    Reply,
    TrainingFailed,
    WorkerReady,
    event_of,
)
from search.workers.ray_backend.actor import Finished, Place
from search.workers.ray_backend.crash_log import kill_with_traceback
from search.workers.ray_backend.failures import is_death, last_line, task_failure, worker_death
from search.workers.ray_backend.health import WorkerAbsence, is_node_lost
from search.workers.ray_backend.pool import RayWorker, WorkerPool, detached
from search.workers.ray_backend.process import RecyclePolicy
from search.workers.ray_backend.session import RaySession
from spaces.errors import TamizError

_most_deaths_while_starting = 3
_cancelling_seconds = 0.25
_sending_seconds = 0.25
"""A call that is cancelled before Ray has sent it is missed by its worker, which then answers nothing for 30 s."""


class RayWorkers:
    """Implements `search.workers.protocol.Workers` with the workers of a `RaySession`.

    A lost worker is replaced by a new one with the same number; the driver decides whether to repeat its training.
    """

    def __init__(
        self,
        *,
        session: RaySession,
        data: StudyData,
        objective: Objective,
        policy: RecyclePolicy | None = None,
        wait_seconds: float = CLUSTER_WAIT_SECONDS,
    ) -> None:
        """Return at once; `next_event` hands the data over when the session is up.

        Args:
            session: where the workers run; ended by `close`.
            data: kept once in each machine's shared memory.
            objective: what recipes are measured by.
            policy: when a worker's process is replaced; None: the usual.
            wait_seconds: how long there may be no worker at all, beyond what starting one takes.
        """
        self._session = session
        self._epochs = objective.epochs
        self._pool = WorkerPool(session=session, data=data, objective=objective, policy=policy or RecyclePolicy())
        self._absence = WorkerAbsence(
            note=lambda line: self._events.append(Notice(line=line)), wait_seconds=wait_seconds
        )
        self._halted: dict[Any, float] = {}
        """Epochs to cancel, each with the time from which it may be, by the monotonic clock."""
        self._events: deque[Event] = deque()
        self._deaths_while_starting = 0

    @property
    def count(self) -> int:
        """How many workers there are, ready or not; waits for Ray."""
        return self._session.share.workers

    @property
    def idle(self) -> int:
        """How many of them could take a task now."""
        return sum(worker.state == "idle" for worker in self._pool.workers)

    def start(self, task: TrainingTask) -> int:
        """Give a task to an idle worker."""
        worker = self._pool.take_idle(task.trial, whole_gpu=task.needs_whole_gpu)
        worker.epoch = 1 if task.checkpoint is None else task.checkpoint.epoch + 1
        self._pool.expect_epoch(worker, worker.process.actor.start.remote(task))
        return worker.number

    def apply(self, trial: int, decision: Decision, *, keep_model: bool = False, make_checkpoint: bool = False) -> None:
        """Let the worker that trains `trial` carry out a decision."""
        worker = self._pool.busy_with(trial)
        if worker is None or worker.state != "waiting":
            raise RuntimeError(f"trial {trial} waits for no decision")
        worker.state = "pausing" if decision is Decision.PAUSE else "working"
        if decision is Decision.PAUSE:
            self._pool.expect(worker, worker.process.actor.pause.remote())
        elif decision is Decision.CONTINUE:
            if make_checkpoint:
                self._pool.expect(worker, worker.process.actor.checkpoint.remote())
            worker.epoch += 1
            self._pool.expect_epoch(worker, worker.process.actor.advance.remote())
        else:
            self._pool.expect(worker, worker.process.actor.finish_and_weigh.remote(keep_model=keep_model))

    def halt(self) -> None:
        """Let `next_event` cancel the running epochs; what is left of each training is requested after them."""
        for worker in self._pool.workers:
            if self._pool.forget_epoch(worker):  # Ray keeps what a cancelled call returned to itself
                self._halted[worker.training] = worker.requested_at + _sending_seconds
                worker.state = "pausing"
                self._pool.expect(worker, worker.process.actor.halt.remote())

    def give_up(self, trial: int, failure: TrainingFailure) -> None:
        """Kill a worker that hangs, and start another."""
        worker = self._pool.busy_with(trial)
        if worker is None:
            return
        if worker.process.crash_log is not None:
            failure = dataclasses.replace(failure, traceback=kill_with_traceback(worker.process.crash_log).text)
        # An event of the hung training that has just arrived would reach a driver that has given it up.
        self._events = deque(event for event in self._events if getattr(event, "trial", None) != trial)
        self._fail(worker, failure)
        self._pool.replace(worker)

    def measure(self, trial: int, model: bytes) -> int:
        """Let an idle worker predict the test images."""
        worker = self._pool.take_idle(trial)
        worker.epoch = 0
        self._pool.expect(worker, worker.process.actor.measure.remote(model))
        return worker.number

    def next_event(self, timeout_seconds: float) -> Event | None:
        """Wait for the next event.

        Raises:
            UsageError: Ray cannot be started, or the cluster cannot be reached.
            StorageError: the cluster is gone, or has had no worker for too long.
            Stopped: a signal came meanwhile.
            TamizError: the workers cannot start.
        """
        try:
            return self._next_event(timeout_seconds)
        except SystemError as error:  # Ray wraps what a signal handler raises
            if isinstance(error.__cause__, Stopped):
                raise error.__cause__ from None
            raise

    def close(self) -> None:
        """End all workers and the session."""
        self._pool.close()
        self._events.clear()
        self._session.close()

    def _next_event(self, timeout_seconds: float) -> Event | None:
        until = time.monotonic() + timeout_seconds
        if not self._pool.workers:
            if not self._session.wait(timeout_seconds):
                return None
            if self._session.notice is not None:
                self._events.append(Notice(line=self._session.notice))
            self._pool.open()
        self._absence.check(workers=self._pool.ready)
        while not self._events:
            left = max(0.0, until - time.monotonic())
            expected = self._pool.expected
            if not expected:
                time.sleep(left)
                return None
            ready, _ = ray.wait(
                expected, num_returns=1, timeout=min(left, _cancelling_seconds) if self._halted else left
            )
            self._session.check()
            if ready:
                self._receive(ready[0])
            elif time.monotonic() >= until:
                return None
            for epoch, sent_at in self._halted.items():
                if time.monotonic() >= sent_at:
                    ray.cancel(epoch)  # repeatedly: one that arrives while the call is on its way is lost
        return self._events.popleft()

    def _receive(self, reference: Any) -> None:
        worker = self._pool.take_reply(reference)
        if worker is None:
            return
        try:
            reply = ray.get(reference)
        except RayError as error:
            if not isinstance(error, RayTaskError) or is_death(error):
                self._replace(worker, error)
            elif worker.state == "starting":
                raise TamizError(f"the workers cannot start: {last_line(error)}") from error
            else:
                self._fail(worker, task_failure(error))
                self._pool.replace(worker)
        else:
            self._take(worker, reply)

    def _take(self, worker: RayWorker, reply: Reply | Place | Finished) -> None:
        if isinstance(reply, Place):
            self._deaths_while_starting, worker.place = 0, reply
            self._events.append(WorkerReady(worker=worker.number, device=reply.device))
            if worker.state == "starting":  # else it was started for a training, which follows
                self._pool.release(worker)
            return
        if isinstance(reply, Finished):
            self._pool.count_training(worker, reply.resident_bytes)
            reply = reply.result
        event = event_of(detached(reply), worker=worker.number, trial=worker.trial)
        if isinstance(event, TrainingFailed):
            self._fail(worker, self._pool.placed(event.failure, worker))
            self._pool.release(worker, is_corrupt=event.failure.corrupts_process)
        elif event is not None:
            self._events.append(event)
            if isinstance(event, EpochReported):
                worker.state = "waiting"
            elif isinstance(event, PartMeasured):
                self._pool.expect(worker, worker.process.actor.measure_on.remote())
            elif not isinstance(event, CheckpointMade):
                self._pool.release(worker)

    def _fail(self, worker: RayWorker, failure: TrainingFailure) -> None:
        self._events.append(TrainingFailed(worker=worker.number, trial=worker.trial, failure=failure))
        self._pool.forget_replies(worker)

    def _replace(self, worker: RayWorker, error: RayError) -> None:
        place, process = worker.place, worker.process
        is_lost = place is not None and is_node_lost(place.address, place.port)
        if place is not None and is_lost:
            if (line := self._pool.note_lost_node(place)) is not None:
                self._events.append(Notice(line=line))
        elif worker.state == "starting":
            self._deaths_while_starting += 1
            if self._deaths_while_starting >= _most_deaths_while_starting or not is_death(error):
                raise TamizError(f"the workers cannot start: {last_line(error)}") from error
        if worker.is_busy:
            failure = worker_death(
                error,
                place=f"at epoch {worker.epoch}/{self._epochs}" if worker.epoch else "while measuring",
                log=process.log,
                was_short_of_memory=process.was_short_of_memory,
                is_node_lost=is_lost,
            )
            self._fail(worker, failure)
        self._pool.replace(worker)
