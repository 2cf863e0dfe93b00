"""Workers that only pretend to train; those whose trainings cost nothing show what the driver costs."""

from __future__ import annotations

from collections import deque

import numpy as np

from objectives.messages import Decision, EpochReport, Predictions, TrainingFailure, TrainingResult, TrainingTask
from search.workers.protocol import EpochReported, Event, TrainingEnded

CLASSES = 10


def score(trial: int, epoch: int) -> float:
    """Return a score that rises from epoch to epoch and from trial to trial, so that no pruner finds a hopeless one."""
    return 0.5 + 0.4 * trial / (trial + 10) + 1e-5 * epoch


class SimulatedWorkers:
    """What workers that only pretend to train have in common."""

    def halt(self) -> None:
        """Nothing is ever under way."""

    def give_up(self, trial: int, failure: TrainingFailure) -> None:
        """Is not asked for here."""
        raise RuntimeError(f"trial {trial} does not hang")

    def measure(self, trial: int, model: bytes) -> int:
        """Is not asked for here."""
        raise RuntimeError(f"trial {trial} is not to be measured")

    def close(self) -> None:
        """Nothing to end."""


class InstantWorkers(SimulatedWorkers):
    """Workers whose epochs take no time; their scores are those of `score`."""

    count = 2

    def __init__(self) -> None:
        """Be ready."""
        self._events: deque[Event] = deque()
        self._epochs: dict[int, int] = {}
        few = np.arange(32, dtype=np.int32)
        probabilities = np.full((32, CLASSES), 1 / CLASSES, np.float32)
        self._predictions = Predictions(probabilities=probabilities, labels=few % CLASSES, images=few)

    @property
    def idle(self) -> int:
        """How many could take a task."""
        return self.count - len(self._epochs)

    def start(self, task: TrainingTask) -> int:
        """Report the first epoch."""
        self._epochs[task.trial] = 0
        self._advance(task.trial)
        return task.trial % self.count

    def apply(self, trial: int, decision: Decision, *, keep_model: bool = False, make_checkpoint: bool = False) -> None:
        """Report the next epoch, or end."""
        if decision is Decision.CONTINUE:
            self._advance(trial)
            return
        epochs = self._epochs.pop(trial)
        result = TrainingResult(
            score=score(trial, epochs),
            best_epoch=epochs,
            epochs=epochs,
            parameters=1,
            seconds_building=0.0,
            seconds_training=0.0,
            predictions=self._predictions,
            model=None,
        )
        self._events.append(TrainingEnded(worker=trial % self.count, trial=trial, result=result))

    def next_event(self, timeout_seconds: float) -> Event | None:
        """Return what happened first."""
        return self._events.popleft() if self._events else None

    def _advance(self, trial: int) -> None:
        self._epochs[trial] += 1
        epoch = self._epochs[trial]
        reached = score(trial, epoch)
        report = EpochReport(epoch=epoch, score=reached, metrics={"val_accuracy": reached, "loss": 1.0}, seconds=0.0)
        self._events.append(EpochReported(worker=trial % self.count, trial=trial, report=report))
