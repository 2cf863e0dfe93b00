"""Worker pool: starts, recycles and replaces Ray actors, and knows which replies each of them owes."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import ray

from objectives.messages import (
    Examples,
    Objective,
    Predictions,
    StudyData,
    TrainingFailure,
    TrainingResult,
    WinnerMeasured,
)
from reports.wording import count
from search.workers.protocol import Reply
from search.workers.ray_backend.actor import Place
from search.workers.ray_backend.process import RecyclePolicy, WorkerProcess
from search.workers.ray_backend.session import RaySession


@dataclass(kw_only=True)
class RayWorker:
    """One worker; it keeps its number when its process is replaced."""

    number: int
    process: WorkerProcess
    state: Literal["starting", "idle", "working", "waiting", "pausing", "ended"] = "starting"
    """Waiting: for the driver's decision. Ended: while another worker has the whole GPU."""
    trial: int = -1
    epoch: int = 0
    """The running one, or the last reported."""
    training: Any = None
    """ObjectRef of the running epoch."""
    requested_at: float = 0.0
    """When that epoch was requested, by the monotonic clock."""
    place: Place | None = None
    """Where it runs; None: it is not ready yet."""
    trainings: int = 0
    """That its process has done."""
    first_bytes: int = 0
    """Memory of its process after the first of them."""
    is_due: bool = False
    """Whether its process is to be replaced as soon as it is idle."""
    has_whole_gpu: bool = False
    """Whether its process has a GPU to itself, which it would usually share."""
    successor: WorkerProcess | None = None
    """The next process, if there was room to start it ahead; it is awaited while it warms up."""

    @property
    def is_busy(self) -> bool:
        """Whether it trains or measures a trial."""
        return self.state in ("working", "waiting", "pausing")


class WorkerPool:
    """The workers of one search."""

    def __init__(self, *, session: RaySession, data: StudyData, objective: Objective, policy: RecyclePolicy) -> None:
        """Begin without workers; see `RayWorkers`."""
        self.workers: list[RayWorker] = []
        self._session = session
        self._data = data
        self._objective = objective
        self._policy = policy
        self._shared: Any = None
        self._expected: dict[Any, RayWorker] = {}
        self._lost_nodes: set[str] = set()

    @property
    def ready(self) -> int:
        """How many workers are ready or busy."""
        return sum(worker.state != "starting" for worker in self.workers)

    @property
    def expected(self) -> list[Any]:
        """ObjectRefs of the expected replies, oldest first."""
        return list(self._expected)

    def open(self) -> None:
        """Give the data to the processes that the session has started."""
        # One copy per machine: workers map it, and never write to it.
        self._shared = ray.put(as_plain_arrays(self._data))
        for number, process in enumerate(self._session.processes):
            self.workers.append(RayWorker(number=number, process=process))
            self._hand_over(self.workers[-1])

    def close(self) -> None:
        """Expect no more replies."""
        self._expected.clear()
        self.workers.clear()
        self._shared = None

    def take_idle(self, trial: int, *, whole_gpu: bool = False) -> RayWorker:
        """Assign `trial` to an idle worker, which gets a `whole_gpu`, and return it; RuntimeError if there is none."""
        for worker in self.workers:
            if worker.state == "idle":
                if whole_gpu and worker.place is not None and worker.place.gpus:
                    self._give_whole_gpu(worker)
                worker.state, worker.trial = "working", trial
                return worker
        raise RuntimeError("no worker is idle")

    def busy_with(self, trial: int) -> RayWorker | None:
        """Return the worker that trains or measures a trial; None: none does any more."""
        return next((worker for worker in self.workers if worker.is_busy and worker.trial == trial), None)

    def expect(self, worker: RayWorker, reply: Any) -> None:
        """Await a reply, an ObjectRef."""
        self._expected[reply] = worker

    def expect_epoch(self, worker: RayWorker, training: Any) -> None:
        """Await the reply of an epoch, an ObjectRef."""
        worker.training, worker.requested_at = training, time.monotonic()
        self.expect(worker, training)

    def forget_epoch(self, worker: RayWorker) -> bool:
        """Expect no reply of a worker's running epoch any more; return whether there is one."""
        return self._expected.pop(worker.training, None) is not None

    def take_reply(self, reply: Any) -> RayWorker | None:
        """Return the worker that owed a reply; None: it is a successor that has warmed up, which needs no reaction."""
        worker = self._expected.pop(reply)
        if worker.successor is None or reply != worker.successor.warm:
            return worker
        if worker.state == "idle":
            self.replace(worker)
        return None  # an error in warming up is raised again when the data are handed over

    def forget_replies(self, worker: RayWorker) -> None:
        """Expect no reply of a worker any more: when a checkpoint fails, an epoch may have been requested already."""
        successor = None if worker.successor is None else worker.successor.warm
        self._expected = {
            reply: owner for reply, owner in self._expected.items() if owner is not worker or reply == successor
        }

    def count_training(self, worker: RayWorker, resident_bytes: int) -> None:
        """Count a training that ended; a process due for recycling is replaced, if possible by one started ahead."""
        worker.trainings += 1
        worker.first_bytes = worker.first_bytes or resident_bytes
        reason = self._policy.reason(worker.trainings, first_bytes=worker.first_bytes, now_bytes=resident_bytes)
        if reason is None or worker.is_due:
            return
        logging.getLogger("ray").warning("worker %d is replaced between two trainings: %s", worker.number, reason)
        worker.is_due = True
        if self._session.has_room():
            worker.successor = self._session.start_process()
            self.expect(worker, worker.successor.warm)

    def release(self, worker: RayWorker, *, is_corrupt: bool = False) -> None:
        """Let a worker be idle, or replace its process if it is corrupt, or due and no successor is warming up."""
        worker.state = "idle"
        is_warming = worker.successor is not None and worker.successor.warm in self._expected
        if is_corrupt or (worker.is_due and not is_warming):
            self.replace(worker)

    def replace(self, worker: RayWorker, *, process: WorkerProcess | None = None) -> None:
        """End a worker's process and start another: the given one, the successor or a new one."""
        self._session.await_head()
        ray.kill(worker.process.actor)
        # The number stays, so that the driver and its log see one worker.
        worker.has_whole_gpu = process is not None
        process, worker.successor = process or worker.successor or self._session.start_process(), None
        self.forget_replies(worker)
        worker.process, worker.state, worker.place = process, "starting", None
        worker.trainings, worker.first_bytes, worker.is_due = 0, 0, False
        self._hand_over(worker)
        if not any(one.has_whole_gpu for one in self.workers):
            for other in [one for one in self.workers if one.state == "ended"]:
                other.process, other.state = self._session.start_process(), "starting"
                self._hand_over(other)

    def placed(self, failure: TrainingFailure, worker: RayWorker) -> TrainingFailure:
        """Return the failure of a worker's training; it tells whether others were on a GPU that was full."""
        return replace(failure, shares_gpu=failure.cause == "gpu_oom" and bool(self._beside(worker)))

    def _beside(self, worker: RayWorker) -> list[RayWorker]:
        """Return the other workers on a worker's GPU."""
        own = worker.place
        if own is None or not own.gpus:
            return []
        places = [(other, other.place) for other in self.workers if other is not worker]
        return [other for other, at in places if at is not None and (at.node, at.gpus) == (own.node, own.gpus)]

    def _give_whole_gpu(self, worker: RayWorker) -> None:
        """Replace a worker's process by one with a whole GPU, for one training; ends the idle workers in its way."""
        self._session.await_head()
        for other in [*self._beside(worker), *(one for one in self.workers if one.state == "starting")]:
            ray.kill(other.process.actor)
            self.forget_replies(other)
            other.state, other.place = "ended", None
        self.replace(worker, process=self._session.start_process(whole_gpu=True))
        worker.is_due = True

    def note_lost_node(self, place: Place) -> str | None:
        """Return a line about the loss of a node, for the terminal; None: it was noted before."""
        if place.node in self._lost_nodes:
            return None
        self._lost_nodes.add(place.node)
        trials = sum(worker.is_busy for worker in self.workers if worker.place == place)
        left = sum(worker.state != "starting" and worker.place != place for worker in self.workers)
        rest = f"workers left: {left}" if left else "waiting for workers"
        return f"node {place.address} lost with {count(trials, 'trial')}; {rest}"

    def _hand_over(self, worker: RayWorker) -> None:
        process = worker.process
        self.expect(worker, process.actor.hold.remote(process.warm, data=self._shared, objective=self._objective))


def detached(reply: Reply) -> Reply:
    """Return a reply whose predictions outlive Ray's shared memory."""
    if not isinstance(reply, TrainingResult | WinnerMeasured):
        return reply
    shared = reply.predictions
    own = Predictions(
        probabilities=shared.probabilities.copy(), labels=shared.labels.copy(), images=shared.images.copy()
    )
    return replace(reply, predictions=own)


def as_plain_arrays(data: StudyData) -> StudyData:
    """Return the data in arrays that Ray shares without copying: contiguous, not memory-mapped, each array once."""
    plain: dict[int, Any] = {}

    def of(array: np.ndarray[Any, Any]) -> Any:
        return plain.setdefault(id(array), np.ascontiguousarray(array.view(np.ndarray)))

    def examples(some: Examples) -> Examples:
        return Examples(images=of(some.images), labels=of(some.labels), indices=of(some.indices))

    return StudyData(
        train=examples(data.train),
        validation=examples(data.validation),
        test=None if data.test is None else examples(data.test),
        classes=data.classes,
    )
