"""Workers that are warm Ray actors, on this machine or wherever a cluster places them."""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from typing import Any

import ray
from ray.exceptions import ActorDiedError, ActorUnavailableError, OutOfMemoryError, RayError, RayTaskError

from objectives.messages import (
    Checkpoint,
    Decision,
    EpochReport,
    Objective,
    StudyData,
    TrainingFailure,
    TrainingTask,
    WinnerMeasured,
)
from search.settings import (
    CLUSTER_WAIT_SECONDS,
)
from search.system.signals import Stopped
from search.workers.protocol import (
    CheckpointMade,
    EpochReported,
    Event,
    Measured,
    Notice,
    TrainingEnded,
    TrainingFailed,
    TrainingPaused,
    WorkerReady,
)
from search.workers.ray_backend.actor import Finished, Place
from search.workers.ray_backend.crash_log import LastWords, oom_kills, put_down
from search.workers.ray_backend.failures import death, last_line
from search.workers.ray_backend.health import is_node_lost
from search.workers.ray_backend.pool import RayCrew, RayWorker
from search.workers.ray_backend.ray_absence import Absence
from search.workers.ray_backend.ray_arrays import copied
from search.workers.ray_backend.session import RaySession
from search.workers.ray_backend.wear import Limits
from spaces.errors import TamizError

_deaths_while_starting = 3
_cancelling_seconds = 0.25
_sending_seconds = 0.25
"""A call that is cancelled before Ray has sent it is missed by its worker, which then answers nothing for 30 s."""


class RayWorkers:
    """Obeys `search.workers.protocol.Workers` with the workers of a `RaySession`.

    A lost worker is replaced by a new one with its number; what it did is for the driver to repeat.
    """

    def __init__(
        self,
        *,
        session: RaySession,
        data: StudyData,
        objective: Objective,
        limits: Limits | None = None,
        patience_seconds: float = CLUSTER_WAIT_SECONDS,
    ) -> None:
        """Return at once; the data are handed over when the session is up, in `next_event`.

        Args:
            session: where the workers run; ended by `close`.
            data: kept once in each machine's shared memory.
            objective: what recipes are measured by.
            limits: how long a worker's process may serve; None: the usual.
            patience_seconds: how long there may be no worker at all, beyond what starting one takes.
        """
        self._session = session
        self._epochs = objective.epochs
        self._crew = RayCrew(session=session, data=data, objective=objective, limits=limits or Limits())
        self._absence = Absence(patience_seconds=patience_seconds)
        self._lost_nodes: set[str] = set()
        self._halted: dict[Any, float] = {}
        """Epochs to cancel, and from when on, by the monotonic clock."""
        self._events: deque[Event] = deque()
        self._died_starting = 0

    @property
    def count(self) -> int:
        """How many workers there are, ready or not; waits for Ray."""
        return self._session.share.workers

    @property
    def idle(self) -> int:
        """How many of them could take a task now."""
        return sum(worker.state == "idle" for worker in self._crew.workers)

    def start(self, task: TrainingTask) -> int:
        """Give a task to an idle worker."""
        worker = self._crew.take_idle(task.trial)
        worker.epoch = 1 if task.checkpoint is None else task.checkpoint.epoch + 1
        self._crew.expect_epoch(worker, worker.hired.actor.start.remote(task))
        return worker.number

    def apply(self, trial: int, decision: Decision, *, keep_model: bool = False, make_checkpoint: bool = False) -> None:
        """Tell the worker that trains `trial` what to do next."""
        worker = self._crew.busy_with(trial)
        if worker is None or worker.state != "waiting":
            raise RuntimeError(f"trial {trial} waits for no decision")
        worker.state = "pausing" if decision is Decision.PAUSE else "working"
        if decision is Decision.PAUSE:
            self._crew.expect(worker, worker.hired.actor.pause.remote())
        elif decision is Decision.CONTINUE:
            if make_checkpoint:
                self._crew.expect(worker, worker.hired.actor.checkpoint.remote())
            worker.epoch += 1
            self._crew.expect_epoch(worker, worker.hired.actor.advance.remote())
        else:
            self._crew.expect(worker, worker.hired.actor.finish.remote(keep_model=keep_model))

    def halt(self) -> None:
        """Cancel the epochs under way, in `next_event`; what is left of each training is asked for after them."""
        for worker in self._crew.workers:
            if self._crew.forget_epoch(worker):  # Ray keeps what a cancelled call returned to itself
                self._halted[worker.training] = worker.asked_at + _sending_seconds
                worker.state = "pausing"
                self._crew.expect(worker, worker.hired.actor.halt.remote())

    def give_up(self, trial: int, failure: TrainingFailure) -> None:
        """End a worker that hangs, by force, and hire another."""
        worker = self._crew.busy_with(trial)
        if worker is None:
            return
        if worker.hired.last_words is not None:
            failure = dataclasses.replace(failure, traceback=put_down(worker.hired.last_words).text)
        self._events = deque(event for event in self._events if getattr(event, "trial", None) != trial)
        self._fail(worker, failure)
        self._crew.replace(worker)

    def measure(self, trial: int, model: bytes) -> int:
        """Let an idle worker predict the test images."""
        worker = self._crew.take_idle(trial)
        worker.epoch = 0
        self._crew.expect(worker, worker.hired.actor.measure.remote(model))
        return worker.number

    def next_event(self, timeout_seconds: float) -> Event | None:
        """Wait for a worker's message.

        Raises:
            UsageError: Ray can't be started, or the cluster can't be reached.
            StorageError: the cluster is gone, or has had no worker for too long.
            Stopped: somebody pressed Ctrl-C meanwhile.
            TamizError: the workers can't start.
        """
        try:
            return self._next_event(timeout_seconds)
        except SystemError as error:  # what a signal's handler raises inside Ray comes out like this
            if isinstance(error.__cause__, Stopped):
                raise error.__cause__ from None
            raise

    def close(self) -> None:
        """End all workers and the session."""
        self._crew.close()
        self._events.clear()
        self._session.close()

    def _next_event(self, timeout_seconds: float) -> Event | None:
        until = time.monotonic() + timeout_seconds
        if not self._crew.workers:
            if not self._session.wait(timeout_seconds):
                return None
            if self._session.notice is not None:
                self._events.append(Notice(line=self._session.notice))
            self._crew.open()
        line = self._absence.seen(workers=self._crew.ready)
        if line is not None:
            self._events.append(Notice(line=line))
        while not self._events:
            left = max(0.0, until - time.monotonic())
            expected = self._crew.expected
            if not expected:
                time.sleep(left)
                return None
            ready, _ = ray.wait(
                expected, num_returns=1, timeout=min(left, _cancelling_seconds) if self._halted else left
            )
            self._session.check()
            if ready:
                self._hear(ready[0])
            elif time.monotonic() >= until:
                return None
            for epoch, sent_at in self._halted.items():
                if time.monotonic() >= sent_at:
                    ray.cancel(epoch)  # again and again: one is lost that comes while the call is on its way
        return self._events.popleft()

    def _hear(self, answer: Any) -> None:
        worker = self._crew.answering(answer)
        if worker is None:
            return
        try:
            said = ray.get(answer)
        except RayTaskError as error:
            if worker.state == "starting":
                raise TamizError(f"the workers can't start: {last_line(error)}") from error
            failure = TrainingFailure(cause="error", message=last_line(error), traceback=str(error), poisons=True)
            self._fail(worker, failure)
        except RayError as error:
            self._replace(worker, error)
        else:
            self._take(worker, said)

    def _take(self, worker: RayWorker, said: object) -> None:
        number, trial = worker.number, worker.trial
        if isinstance(said, Place):
            self._died_starting, worker.place = 0, said
            self._events.append(WorkerReady(worker=number))
        elif isinstance(said, EpochReport):
            worker.state = "waiting"
            self._events.append(EpochReported(worker=number, trial=trial, report=said))
            return
        elif said is None or isinstance(said, Checkpoint):
            if said is not None and worker.state != "pausing":
                self._events.append(CheckpointMade(worker=number, trial=trial, checkpoint=said))
                return
            self._events.append(TrainingPaused(worker=number, trial=trial, checkpoint=said))
        elif isinstance(said, Finished):
            result = dataclasses.replace(said.result, predictions=copied(said.result.predictions))
            self._events.append(TrainingEnded(worker=number, trial=trial, result=result))
            self._crew.wear(worker, said.resident_bytes)
        elif isinstance(said, WinnerMeasured):
            winner = dataclasses.replace(said, predictions=copied(said.predictions))
            self._events.append(Measured(worker=number, trial=trial, winner=winner))
        elif isinstance(said, TrainingFailure):
            self._fail(worker, said)
            return
        self._crew.release(worker)

    def _fail(self, worker: RayWorker, failure: TrainingFailure) -> None:
        self._events.append(TrainingFailed(worker=worker.number, trial=worker.trial, failure=failure))
        self._crew.forget_answers(worker)
        worker.state = "idle"
        if failure.poisons:
            self._crew.replace(worker)

    def _death(self, worker: RayWorker, error: RayError, *, is_node_lost: bool) -> TrainingFailure:
        hired = worker.hired
        return death(
            error,
            place=f"at epoch {worker.epoch}/{self._epochs}" if worker.epoch else "while measuring",
            words=None if hired.last_words is None else LastWords.read(hired.last_words),
            was_short_of_memory=hired.last_words is not None and oom_kills() > hired.oom_kills_before,
            is_node_lost=is_node_lost,
        )

    def _replace(self, worker: RayWorker, error: RayError) -> None:
        is_lost = worker.place is not None and is_node_lost(worker.place.address, worker.place.port)
        if is_lost:
            self._tell_lost_node(worker)
        elif worker.state == "starting":
            self._died_starting += 1
            if self._died_starting >= _deaths_while_starting or not isinstance(
                error, ActorDiedError | ActorUnavailableError | OutOfMemoryError
            ):
                raise TamizError(f"the workers can't start: {last_line(error)}") from error
        if worker.is_busy:
            self._fail(worker, self._death(worker, error, is_node_lost=is_lost))
        self._crew.replace(worker)

    def _tell_lost_node(self, worker: RayWorker) -> None:
        place = worker.place
        if place is None or place.node in self._lost_nodes:
            return
        self._lost_nodes.add(place.node)
        lost = [one for one in self._crew.workers if one.place == place]
        left = sum(one.state != "starting" and one.place != place for one in self._crew.workers)
        trials = sum(one.is_busy for one in lost)
        rest = f"workers left: {left}" if left else "waiting for workers"
        self._events.append(Notice(line=f"node {place.address} lost with {trials} trial{'s' * (trials != 1)}; {rest}"))
