"""Workers that play what a test wrote for them: no Ray, no Keras, no waiting."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from objectives.records import (
    Checkpoint,
    Decision,
    Direction,
    EpochReport,
    Predictions,
    TrainingFailure,
    TrainingResult,
    TrainingTask,
    WinnerMeasured,
)
from search.workers import (
    CheckpointMade,
    EpochReported,
    Event,
    Measured,
    TrainingEnded,
    TrainingFailed,
    TrainingPaused,
    WorkerReady,
)

CLASSES = 3
VALIDATION_LABELS = np.array([0, 1, 2, 0, 1, 2], dtype=np.int32)
TEST_LABELS = np.array([2, 1, 0, 2], dtype=np.int32)
MODEL_PREFIX = b"model of trial "


@dataclass(frozen=True, kw_only=True)
class Play:
    """What one training does when it is asked to advance."""

    scores: tuple[float, ...]
    """Score of each epoch, from the first."""
    failure: TrainingFailure | None = None
    """Comes instead of the epoch after the last score; None: the training then falls silent."""
    epoch_seconds: float = 0.5
    fits: bool = True
    """Whether a checkpoint fits the network that is built; else it begins anew."""
    note: str | None = None
    """What the training has to say of itself."""

    def report(self, epoch: int) -> EpochReport:
        """Return the report of an epoch, from 1."""
        score = self.scores[epoch - 1]
        return EpochReport(
            epoch=epoch,
            score=score,
            metrics={"loss": 1.0 / epoch, "accuracy": 0.5, "val_accuracy": score, "val_loss": 1.0},
            seconds=self.epoch_seconds,
        )


def steady(score: float, *, epochs: int = 100) -> Play:
    """Return a training with the same score in each epoch."""
    return Play(scores=(score,) * epochs)


def lost(*scores: float) -> Play:
    """Return a training whose worker dies after these epochs."""
    return Play(scores=scores, failure=TrainingFailure(cause="worker_lost", message="worker died (killed)"))


def silent(*scores: float) -> Play:
    """Return a training that hangs after these epochs."""
    return Play(scores=scores)


def diverged(*scores: float) -> Play:
    """Return a training whose loss becomes not-a-number after these epochs."""
    return Play(scores=scores, failure=TrainingFailure(cause="diverged", message="loss became NaN"))


@dataclass(kw_only=True)
class _Training:
    task: TrainingTask
    play: Play
    worker: int
    epochs: int = 0


class ScriptedWorkers:
    """Obeys `search.workers.Workers`; what it was told is kept in plain lists.

    Args:
        play: what the training of a task does; asked once for each `start`.
        count: number of workers.
        direction: which score is best.
        interrupt_at: raise KeyboardInterrupt instead of giving the event with this number (from 1).
    """

    def __init__(
        self,
        play: Callable[[TrainingTask], Play],
        *,
        count: int = 1,
        direction: Direction = "maximize",
        interrupt_at: int | None = None,
    ) -> None:
        self.tasks: list[TrainingTask] = []
        """Each task that was started, in order."""
        self.decisions: list[tuple[int, int, Decision]] = []
        """(trial, epoch, decision), in order."""
        self.checkpoints: list[tuple[int, int]] = []
        """(trial, epoch) of each checkpoint made, in order."""
        self.kept: list[int] = []
        """Trials whose model was asked for."""
        self.measured: list[tuple[int, bytes]] = []
        """(trial, model), in order."""
        self.given_up: list[tuple[int, int]] = []
        """(trial, epochs done), in order."""
        self.closed = False
        self._play = play
        self._count = count
        self._better = max if direction == "maximize" else min
        self._interrupt_at = interrupt_at
        self._events: deque[Event] = deque(WorkerReady(worker=worker) for worker in range(count))
        self._events_given = 0
        self._idle: list[int] = []
        self._extra = 0
        self._trainings: dict[int, _Training] = {}

    @property
    def count(self) -> int:
        """How many workers there are, ready or not."""
        return self._count

    @property
    def idle(self) -> int:
        """How many of them could take a task now."""
        return len(self._idle)

    @property
    def running(self) -> int:
        """How many trainings are under way."""
        return len(self._trainings)

    def start(self, task: TrainingTask) -> int:
        """Begin to play a task."""
        worker = self._take_worker()
        self.tasks.append(task)
        if task.trial in self._trainings:
            raise RuntimeError(f"trial {task.trial} is running already")
        play = self._play(task)
        done = task.checkpoint.epoch if task.checkpoint and play.fits else 0
        self._trainings[task.trial] = _Training(task=task, play=play, worker=worker, epochs=done)
        self._advance(self._trainings[task.trial])
        return worker

    def apply(self, trial: int, decision: Decision, *, keep_model: bool = False, make_checkpoint: bool = False) -> None:
        """Obey a decision."""
        training = self._trainings[trial]
        self.decisions.append((trial, training.epochs, decision))
        if decision is Decision.PAUSE:
            checkpoint = self._checkpoint(training)
            self._events.append(TrainingPaused(worker=training.worker, trial=trial, checkpoint=checkpoint))
            return
        if decision is Decision.CONTINUE:
            if make_checkpoint:
                checkpoint = self._checkpoint(training)
                self._events.append(CheckpointMade(worker=training.worker, trial=trial, checkpoint=checkpoint))
            self._advance(training)
            return
        if keep_model:
            self.kept.append(trial)
        result = self._result(training, keep_model=keep_model)
        self._events.append(TrainingEnded(worker=training.worker, trial=trial, result=result))

    def halt(self) -> None:
        """Stop those that are silent: nothing is left of their epoch."""
        busy = {getattr(event, "trial", None) for event in self._events}
        for trial, training in self._trainings.items():
            if trial not in busy:
                self._events.append(TrainingPaused(worker=training.worker, trial=trial, checkpoint=None))

    def give_up(self, trial: int, failure: TrainingFailure) -> None:
        """End a training that fell silent."""
        training = self._trainings[trial]
        self.given_up.append((trial, training.epochs))
        self._events.append(TrainingFailed(worker=training.worker, trial=trial, failure=failure))

    def reinforce(self, count: int) -> None:
        """Let so many more come at once; idle ones go again."""
        while self._extra < count:
            self._events.append(WorkerReady(worker=self._count + self._extra))
            self._extra += 1
        for worker in [one for one in self._idle if one >= self._count + count]:
            self._idle.remove(worker)
            self._extra -= 1

    def measure(self, trial: int, model: bytes) -> int:
        """Predict the test images, always right."""
        worker = self._take_worker()
        self.measured.append((trial, model))
        winner = WinnerMeasured(predictions=predictions(TEST_LABELS), inside=None)
        self._events.append(Measured(worker=worker, trial=trial, winner=winner))
        return worker

    def next_event(self, timeout_seconds: float) -> Event | None:
        """Give the next event; None, without waiting, when all trainings wait or are silent."""
        if not self._events:
            return None
        self._events_given += 1
        if self._events_given == self._interrupt_at:
            raise KeyboardInterrupt
        event = self._events.popleft()
        if isinstance(event, TrainingEnded | TrainingFailed | TrainingPaused):
            self._trainings.pop(event.trial, None)  # a measuring is none
        if isinstance(event, TrainingFailed) and event.failure.cause in ("worker_lost", "hung", "host_oom"):
            self._events.append(WorkerReady(worker=event.worker))
        elif not isinstance(event, EpochReported | CheckpointMade):
            self._idle.append(event.worker)
        return event

    def close(self) -> None:
        """End all workers."""
        self.closed = True
        self._trainings.clear()
        self._events.clear()
        self._idle.clear()

    def _take_worker(self) -> int:
        if not self._idle:
            raise RuntimeError("no worker is idle")
        return self._idle.pop(0)

    def _advance(self, training: _Training) -> None:
        play, trial, worker = training.play, training.task.trial, training.worker
        if training.epochs < len(play.scores):
            training.epochs += 1
            report = play.report(training.epochs)
            self._events.append(EpochReported(worker=worker, trial=trial, report=report))
        elif play.failure is not None:
            self._events.append(TrainingFailed(worker=worker, trial=trial, failure=play.failure))

    def _checkpoint(self, training: _Training) -> Checkpoint:
        self.checkpoints.append((training.task.trial, training.epochs))
        return checkpoint_of(training.task, training.play, epoch=training.epochs)

    def _result(self, training: _Training, *, keep_model: bool) -> TrainingResult:
        scores = training.play.scores[: training.epochs]
        best = self._better(scores)
        return TrainingResult(
            score=best,
            best_epoch=scores.index(best) + 1,
            epochs=training.epochs,
            parameters=1234,
            seconds_building=0.1,
            seconds_training=training.play.epoch_seconds * training.epochs,
            predictions=predictions(VALIDATION_LABELS),
            model=MODEL_PREFIX + str(training.task.trial).encode() if keep_model else None,
            note=training.play.note,
        )


def checkpoint_of(task: TrainingTask, play: Play, *, epoch: int) -> Checkpoint:
    """Return a checkpoint of a task that played so far; its numbers are those of no network."""
    reports = tuple(play.report(done) for done in range(1, epoch + 1))
    best = max(reports, key=lambda report: report.score)
    weights = (np.arange(6, dtype=np.float32).reshape(2, 3), np.array(epoch))
    return Checkpoint(
        recipe=task.recipe,
        seed=task.seed,
        reports=reports,
        variables=weights,
        optimizer=(np.array(epoch), *weights),
        best_epoch=best.epoch,
        best_weights=weights[:1],
        best_probabilities=predictions(VALIDATION_LABELS).probabilities,
    )


def predictions(labels: np.ndarray) -> Predictions:
    """Return sure and right predictions for images with these labels."""
    probabilities = np.full((len(labels), CLASSES), 0.05, dtype=np.float32)
    probabilities[np.arange(len(labels)), labels] = 0.9
    return Predictions(
        probabilities=probabilities,
        labels=labels,
        images=np.arange(len(labels), dtype=np.int32),
    )
