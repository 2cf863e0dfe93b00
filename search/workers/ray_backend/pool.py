"""Who works: hires the actors of a session of Ray, replaces those that are worn, and knows what each is to answer."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any, Literal

import ray

from objectives.messages import Objective, StudyData
from search.workers.ray_backend.actor import Place
from search.workers.ray_backend.ray_arrays import as_plain_arrays
from search.workers.ray_backend.session import Hired, RaySession
from search.workers.ray_backend.wear import Limits, Wear


@dataclass(kw_only=True)
class RayWorker:
    """One of the crew; its number stays when another process takes its place."""

    number: int
    hired: Hired
    state: Literal["starting", "idle", "working", "waiting", "pausing"] = "starting"
    """Waiting: for the driver's decision."""
    trial: int = -1
    epoch: int = 0
    """The one under way, or last reported."""
    training: Any = None
    """ObjectRef of the epoch under way."""
    asked_at: float = 0.0
    """When it was asked for, by the monotonic clock."""
    place: Place | None = None
    """Where it is; None: it never got ready."""
    wear: Wear
    is_worn: bool = False
    """Whether another is to be hired in its place, once it is idle."""
    successor: Hired | None = None
    """The other, where there was room to hire it ahead; waited for while it warms up."""

    @property
    def is_busy(self) -> bool:
        """Whether it trains or measures a trial."""
        return self.state in ("working", "waiting", "pausing")


class RayCrew:
    """The workers of one search, and the answers that are expected of them."""

    def __init__(self, *, session: RaySession, data: StudyData, objective: Objective, limits: Limits) -> None:
        """Hire nobody yet.

        Args:
            session: where the workers run.
            data: kept once in each machine's shared memory.
            objective: what recipes are measured by.
            limits: how long a worker's process may serve.
        """
        self.workers: list[RayWorker] = []
        self._session = session
        self._data = data
        self._objective = objective
        self._limits = limits
        self._shared: Any = None
        self._expected: dict[Any, RayWorker] = {}

    @property
    def ready(self) -> int:
        """How many have got ready, and are there."""
        return sum(worker.state != "starting" for worker in self.workers)

    @property
    def expected(self) -> list[Any]:
        """ObjectRefs of the answers that are expected, oldest first."""
        return list(self._expected)

    def open(self) -> None:
        """Hand the data over to the workers that the session has hired."""
        self._shared = ray.put(as_plain_arrays(self._data))
        for number, hired in enumerate(self._session.crew()):
            self._add(RayWorker(number=number, hired=hired, wear=Wear(self._limits)))

    def close(self) -> None:
        """Expect nothing more of anybody."""
        self._expected.clear()
        self.workers.clear()
        self._shared = None

    def take_idle(self, trial: int) -> RayWorker:
        """Give `trial` to a worker that is idle."""
        for worker in self.workers:
            if worker.state == "idle":
                worker.state, worker.trial = "working", trial
                return worker
        raise RuntimeError("no worker is idle")

    def busy_with(self, trial: int) -> RayWorker | None:
        """Who has that trial; None: nobody, any more."""
        return next((worker for worker in self.workers if worker.is_busy and worker.trial == trial), None)

    def expect(self, worker: RayWorker, answer: Any) -> None:
        """Wait for this ObjectRef too."""
        self._expected[answer] = worker

    def expect_epoch(self, worker: RayWorker, training: Any) -> None:
        """Wait for this ObjectRef, of an epoch, too."""
        worker.training, worker.asked_at = training, time.monotonic()
        self.expect(worker, training)

    def forget_epoch(self, worker: RayWorker) -> bool:
        """Expect no answer of the epoch that a worker trains; whether it trains one."""
        return self._expected.pop(worker.training, None) is not None

    def answering(self, answer: Any) -> RayWorker | None:
        """Whose answer this is, expected no more; None: a successor's word that it is warm, which is dealt with."""
        worker = self._expected.pop(answer)
        if worker.successor is None or answer != worker.successor.warm:
            return worker
        if worker.state == "idle":
            self.replace(worker)
        return None  # if it could not get warm, that is heard again when it is handed the data

    def forget_answers(self, worker: RayWorker) -> None:
        """Expect nothing more of it: an epoch may be asked for already when a checkpoint fails."""
        successor = None if worker.successor is None else worker.successor.warm
        self._expected = {
            answer: by for answer, by in self._expected.items() if by is not worker or answer == successor
        }

    def wear(self, worker: RayWorker, resident_bytes: int) -> None:
        """Count a training that has ended; another will replace a worn worker, hired ahead where there is room."""
        reason = worker.wear.add(resident_bytes)
        if reason is None or worker.is_worn:
            return
        logging.getLogger("ray").warning("worker %d is replaced between two trainings: %s", worker.number, reason)
        worker.is_worn = True
        if self._session.has_room():
            worker.successor = self._session.hire()
            self.expect(worker, worker.successor.warm)

    def release(self, worker: RayWorker) -> None:
        """Let it be idle, or go where it is worn."""
        worker.state = "idle"
        self._replace_worn(worker)

    def replace(self, worker: RayWorker) -> None:
        """End its process and hire another, or take the one that was hired ahead."""
        self._session.await_head()
        ray.kill(worker.hired.actor)
        hired, worker.successor = worker.successor or self._session.hire(), None
        self.forget_answers(worker)
        worker.hired, worker.state, worker.wear, worker.is_worn = hired, "starting", Wear(self._limits), False
        worker.place = None
        self._hand_over(worker)

    def _add(self, worker: RayWorker) -> None:
        self.workers.append(worker)
        self._hand_over(worker)

    def _hand_over(self, worker: RayWorker) -> None:
        hired = worker.hired
        self.expect(worker, hired.actor.hold.remote(hired.warm, data=self._shared, objective=self._objective))

    def _replace_worn(self, worker: RayWorker) -> None:
        awaited = worker.successor is not None and worker.successor.warm in self._expected
        if worker.is_worn and worker.state == "idle" and not awaited:
            self.replace(worker)
