"""Workers that are warm Ray actors, on this machine or wherever a cluster places them."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Literal

import ray
from ray.exceptions import ActorDiedError, ActorUnavailableError, OutOfMemoryError, RayError, RayTaskError

from objectives.records import (
    Checkpoint,
    Decision,
    EpochReport,
    Objective,
    StudyData,
    TrainingFailure,
    TrainingResult,
    TrainingTask,
    WinnerMeasured,
)
from search.last_words import LastWords, oom_kills, put_down
from search.patience import CLUSTER_PATIENCE_SECONDS
from search.ray_absence import Absence
from search.ray_actor import Place
from search.ray_arrays import as_plain_arrays, copied
from search.ray_deaths import death, last_line
from search.ray_pulse import is_node_lost
from search.ray_session import Hired, RaySession
from search.stopping import Stopped
from search.wear import Limits, Wear
from search.workers import (
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
from spaces.errors import TamizError

_deaths_while_starting = 3
_cancelling_seconds = 0.25


@dataclass(kw_only=True)
class _Worker:
    number: int
    hired: Hired
    state: Literal["starting", "idle", "working", "waiting", "pausing"] = "starting"
    """Waiting: for the driver's decision."""
    trial: int = -1
    epoch: int = 0
    """The one under way, or last reported."""
    training: Any = None
    """ObjectRef of the epoch under way."""
    place: Place | None = None
    """Where it is; None: it never got ready."""
    wear: Wear
    is_extra: bool = False
    """Whether it came by `reinforce`."""
    is_leaving: bool = False
    """Whether it takes no more tasks, and goes once it has none."""
    is_worn: bool = False
    """Whether another is to be hired in its place, once it is idle."""
    successor: Hired | None = None
    """The other, where there was room to hire it ahead; waited for while it warms up."""


class RayWorkers:
    """Obeys `search.workers.Workers` with the workers of a `RaySession`.

    A lost worker is replaced by a new one with its number; what it did is for the driver to repeat.
    """

    def __init__(
        self,
        *,
        session: RaySession,
        data: StudyData,
        objective: Objective,
        limits: Limits | None = None,
        patience_seconds: float = CLUSTER_PATIENCE_SECONDS,
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
        self._data = data
        self._objective = objective
        self._limits = limits or Limits()
        self._absence = Absence(patience_seconds=patience_seconds)
        self._lost_nodes: set[str] = set()
        self._halted: list[Any] = []
        """Epochs that were cancelled."""
        self._shared: Any = None
        self._workers: list[_Worker] = []
        self._under_way: dict[Any, _Worker] = {}
        self._events: deque[Event] = deque()
        self._died_starting = 0

    @property
    def count(self) -> int:
        """How many workers there are, ready or not; waits for Ray."""
        return self._session.share.workers

    @property
    def idle(self) -> int:
        """How many of them could take a task now."""
        return sum(worker.state == "idle" and not worker.is_leaving for worker in self._workers)

    def start(self, task: TrainingTask) -> int:
        """Give a task to an idle worker."""
        worker = self._take_idle(task.trial)
        worker.epoch = 1 if task.checkpoint is None else task.checkpoint.epoch + 1
        worker.training = worker.hired.actor.start.remote(task)
        self._expect(worker, worker.training)
        return worker.number

    def apply(self, trial: int, decision: Decision, *, keep_model: bool = False, make_checkpoint: bool = False) -> None:
        """Tell the worker that trains `trial` what to do next."""
        for worker in self._workers:
            if worker.state == "waiting" and worker.trial == trial:
                break
        else:
            raise RuntimeError(f"trial {trial} waits for no decision")
        worker.state = "pausing" if decision is Decision.PAUSE else "working"
        if decision is Decision.PAUSE:
            self._expect(worker, worker.hired.actor.pause.remote())
        elif decision is Decision.CONTINUE:
            if make_checkpoint:
                self._expect(worker, worker.hired.actor.checkpoint.remote())
            worker.epoch += 1
            worker.training = worker.hired.actor.advance.remote()
            self._expect(worker, worker.training)
        else:
            self._expect(worker, worker.hired.actor.memory_bytes.remote())  # answered first: it may be the last one
            self._expect(worker, worker.hired.actor.finish.remote(keep_model=keep_model))

    def halt(self) -> None:
        """Cancel the epochs under way; what is left of each training is asked for after them."""
        for worker in self._workers:
            if worker.training in self._under_way:
                ray.cancel(worker.training)
                self._halted.append(worker.training)
                del self._under_way[worker.training]  # Ray keeps what a cancelled call returned to itself
                worker.state = "pausing"
                self._expect(worker, worker.hired.actor.halt.remote())

    def give_up(self, trial: int, failure: TrainingFailure) -> None:
        """End a worker that hangs, by force, and hire another."""
        for worker in self._workers:
            if worker.state in ("working", "waiting", "pausing") and worker.trial == trial:
                break
        else:
            return
        if worker.hired.last_words is not None:
            failure = dataclasses.replace(failure, traceback=put_down(worker.hired.last_words).text)
        self._events = deque(event for event in self._events if getattr(event, "trial", None) != trial)
        self._fail(worker, failure)
        self._hire_instead(worker)

    def reinforce(self, count: int) -> None:
        """Hire more workers than `count`, or let some of those go again; nothing while Ray starts."""
        if not self._workers:
            return
        extra = [worker for worker in self._workers if worker.is_extra]
        for place, worker in enumerate(extra):
            worker.is_leaving = place >= count
        for worker in extra[count:]:
            if worker.state in ("idle", "starting"):
                self._dismiss(worker)
        for _ in range(count - len(extra)):
            number = max(worker.number for worker in self._workers) + 1
            hired = self._session.hire(is_extra=True)
            worker = _Worker(number=number, hired=hired, wear=Wear(self._limits), is_extra=True)
            self._workers.append(worker)
            self._hand_over(worker)

    def measure(self, trial: int, model: bytes) -> int:
        """Let an idle worker predict the test images."""
        worker = self._take_idle(trial)
        worker.epoch = 0
        self._expect(worker, worker.hired.actor.measure.remote(model))
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
        self._under_way.clear()
        self._workers.clear()
        self._events.clear()
        self._shared = None
        self._session.close()

    def _next_event(self, timeout_seconds: float) -> Event | None:
        until = time.monotonic() + timeout_seconds
        if not self._workers:
            if not self._session.wait(timeout_seconds):
                return None
            self._open()
        line = self._absence.seen(workers=sum(worker.state != "starting" for worker in self._workers))
        if line is not None:
            self._events.append(Notice(line=line))
        while not self._events:
            left = max(0.0, until - time.monotonic())
            if not self._under_way:
                time.sleep(left)
                return None
            ready, _ = ray.wait(
                list(self._under_way), num_returns=1, timeout=min(left, _cancelling_seconds) if self._halted else left
            )
            self._session.check()
            if ready:
                self._hear(ready[0])
            elif time.monotonic() >= until:
                return None
            for epoch in self._halted:
                ray.cancel(epoch)  # again: a cancellation is lost that comes while the call is on its way
        return self._events.popleft()

    def _open(self) -> None:
        if self._session.notice is not None:
            self._events.append(Notice(line=self._session.notice))
        self._shared = ray.put(as_plain_arrays(self._data))
        self._workers = [
            _Worker(number=number, hired=hired, wear=Wear(self._limits))
            for number, hired in enumerate(self._session.crew())
        ]
        for worker in self._workers:
            self._hand_over(worker)

    def _hand_over(self, worker: _Worker) -> None:
        hired = worker.hired
        self._expect(worker, hired.actor.hold.remote(hired.warm, data=self._shared, objective=self._objective))

    def _take_idle(self, trial: int) -> _Worker:
        for worker in self._workers:
            if worker.state == "idle" and not worker.is_leaving:
                worker.state, worker.trial = "working", trial
                return worker
        raise RuntimeError("no worker is idle")

    def _expect(self, worker: _Worker, answer: Any) -> None:
        self._under_way[answer] = worker

    def _hear(self, answer: Any) -> None:
        worker = self._under_way.pop(answer)
        if worker.successor is not None and answer == worker.successor.warm:
            if worker.state == "idle":
                self._hire_instead(worker)
            return  # if it could not get warm, that is heard again when it is handed the data
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

    def _take(self, worker: _Worker, said: object) -> None:
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
        elif isinstance(said, TrainingResult):
            result = dataclasses.replace(said, predictions=copied(said.predictions))
            self._events.append(TrainingEnded(worker=number, trial=trial, result=result))
        elif isinstance(said, WinnerMeasured):
            winner = dataclasses.replace(said, predictions=copied(said.predictions))
            self._events.append(Measured(worker=number, trial=trial, winner=winner))
        elif isinstance(said, TrainingFailure):
            self._fail(worker, said)
            return
        elif isinstance(said, int):
            self._wear(worker, worker.wear.add(said))
            return
        worker.state = "idle"
        self._hire_instead_of_worn(worker)

    def _wear(self, worker: _Worker, reason: str | None) -> None:
        """Plan that another takes the place of a worn worker: hired ahead where there is room."""
        if reason is None or worker.is_worn:
            return
        logging.getLogger("ray").warning("worker %d is replaced between two trainings: %s", worker.number, reason)
        worker.is_worn = True
        if self._session.has_room():
            worker.successor = self._session.hire(is_extra=worker.is_extra)
            self._expect(worker, worker.successor.warm)
        self._hire_instead_of_worn(worker)

    def _hire_instead_of_worn(self, worker: _Worker) -> None:
        awaited = worker.successor is not None and worker.successor.warm in self._under_way
        if worker.is_worn and worker.state == "idle" and not awaited:
            self._hire_instead(worker)

    def _fail(self, worker: _Worker, failure: TrainingFailure) -> None:
        self._events.append(TrainingFailed(worker=worker.number, trial=worker.trial, failure=failure))
        self._forget_answers(worker)
        worker.state = "idle"
        if failure.poisons:
            self._hire_instead(worker)

    def _forget_answers(self, worker: _Worker) -> None:
        """Expect nothing more: an epoch may be asked for already when a checkpoint fails."""
        successor = None if worker.successor is None else worker.successor.warm
        self._under_way = {
            answer: by for answer, by in self._under_way.items() if by is not worker or answer == successor
        }

    def _death(self, worker: _Worker, error: RayError, *, is_node_lost: bool) -> TrainingFailure:
        hired = worker.hired
        return death(
            error,
            place=f"at epoch {worker.epoch}/{self._objective.epochs}" if worker.epoch else "while measuring",
            words=None if hired.last_words is None else LastWords.read(hired.last_words),
            was_short_of_memory=hired.last_words is not None and oom_kills() > hired.oom_kills_before,
            is_node_lost=is_node_lost,
        )

    def _replace(self, worker: _Worker, error: RayError) -> None:
        is_lost = worker.place is not None and is_node_lost(worker.place.address, worker.place.port)
        if is_lost:
            self._tell_lost_node(worker)
        elif worker.state == "starting":
            self._died_starting += 1
            if self._died_starting >= _deaths_while_starting or not isinstance(
                error, ActorDiedError | ActorUnavailableError | OutOfMemoryError
            ):
                raise TamizError(f"the workers can't start: {last_line(error)}") from error
        if worker.state not in ("starting", "idle"):
            self._fail(worker, self._death(worker, error, is_node_lost=is_lost))
        self._hire_instead(worker)

    def _tell_lost_node(self, worker: _Worker) -> None:
        place = worker.place
        if place is None or place.node in self._lost_nodes:
            return
        self._lost_nodes.add(place.node)
        lost = [one for one in self._workers if one.place == place]
        left = sum(one.state != "starting" and one.place != place for one in self._workers)
        trials = sum(one.state in ("working", "waiting", "pausing") for one in lost)
        rest = f"workers left: {left}" if left else "waiting for workers"
        self._events.append(Notice(line=f"node {place.address} lost with {trials} trial{'s' * (trials != 1)}; {rest}"))

    def _hire_instead(self, worker: _Worker) -> None:
        self._session.await_head()
        ray.kill(worker.hired.actor)
        hired, worker.successor = worker.successor or self._session.hire(is_extra=worker.is_extra), None
        self._forget_answers(worker)
        worker.hired, worker.state, worker.wear, worker.is_worn = hired, "starting", Wear(self._limits), False
        worker.place = None
        self._hand_over(worker)

    def _dismiss(self, worker: _Worker) -> None:
        for hired in filter(None, (worker.hired, worker.successor)):
            ray.kill(hired.actor)
        worker.successor = None
        self._forget_answers(worker)
        self._workers.remove(worker)
