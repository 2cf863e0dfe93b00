"""Interface between the driver and the processes that train: requests, replies and events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from objectives.device_report import Device
from objectives.messages import (
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

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from search.settings import RunSettings
    from spaces.space import Space


@dataclass(frozen=True, kw_only=True)
class Halted:
    """Reply: an epoch was interrupted; `search.workers.trainer.Trainer.halt` returns what is left of the training."""


@dataclass(frozen=True, kw_only=True)
class Paused:
    """Reply: a training ended for now."""

    checkpoint: Checkpoint | None
    """None: nothing is left of it but checkpoints that were sent before."""


@dataclass(frozen=True, kw_only=True)
class Measuring:
    """Reply: a part of the test images is predicted; `search.workers.trainer.Trainer.measure_on` predicts more."""

    done: int
    images: int
    """All of them."""


Reply = EpochReport | Checkpoint | Halted | Paused | TrainingResult | Measuring | WinnerMeasured | TrainingFailure
"""What a `search.workers.trainer.Trainer` returns."""


@dataclass(frozen=True, kw_only=True)
class WorkerReady:
    """A worker has imported Keras, holds the data and waits for its first task.

    A worker that replaces a lost one has the same number, and is announced again.
    """

    worker: int
    device: Device | None = None
    """What it computes on; None: unknown."""


@dataclass(frozen=True, kw_only=True)
class TrialEvent:
    """Something happened to a trial, on a worker."""

    worker: int
    trial: int


@dataclass(frozen=True, kw_only=True)
class EpochReported(TrialEvent):
    """A training finished an epoch and waits for `Workers.apply`."""

    report: EpochReport


@dataclass(frozen=True, kw_only=True)
class CheckpointMade(TrialEvent):
    """A training made the checkpoint that `Workers.apply` requested, and continues."""

    checkpoint: Checkpoint


@dataclass(frozen=True, kw_only=True)
class TrainingPaused(TrialEvent):
    """A training obeyed PAUSE, or was halted; its worker is idle."""

    checkpoint: Checkpoint | None
    """None: nothing is left of it but checkpoints that were sent before."""


@dataclass(frozen=True, kw_only=True)
class TrainingEnded(TrialEvent):
    """A training obeyed PRUNE or FINISH; its worker is idle."""

    result: TrainingResult


@dataclass(frozen=True, kw_only=True)
class TrainingFailed(TrialEvent):
    """A training, or a measurement, ended without a result.

    Its worker is idle; or it was lost, is being replaced, and `WorkerReady` follows.
    """

    failure: TrainingFailure


@dataclass(frozen=True, kw_only=True)
class PartMeasured(TrialEvent):
    """A winner has predicted a part of the test images; its worker continues without being asked."""

    done: int
    images: int
    """All of them."""


@dataclass(frozen=True, kw_only=True)
class Measured(TrialEvent):
    """A winner was measured on the test images; its worker is idle."""

    winner: WinnerMeasured


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A line about the workers, for the terminal."""

    line: str


Event = (
    WorkerReady
    | EpochReported
    | CheckpointMade
    | TrainingPaused
    | TrainingEnded
    | TrainingFailed
    | PartMeasured
    | Measured
    | Notice
)


def event_of(reply: Reply, *, worker: int, trial: int) -> Event | None:
    """Return the event that a worker's reply means; None: none, since a halted epoch is reported by what follows."""
    match reply:
        case EpochReport():
            return EpochReported(worker=worker, trial=trial, report=reply)
        case Checkpoint():
            return CheckpointMade(worker=worker, trial=trial, checkpoint=reply)
        case Paused():
            return TrainingPaused(worker=worker, trial=trial, checkpoint=reply.checkpoint)
        case TrainingResult():
            return TrainingEnded(worker=worker, trial=trial, result=reply)
        case Measuring():
            return PartMeasured(worker=worker, trial=trial, done=reply.done, images=reply.images)
        case WinnerMeasured():
            return Measured(worker=worker, trial=trial, winner=reply)
        case TrainingFailure():
            return TrainingFailed(worker=worker, trial=trial, failure=reply)
        case Halted():
            return None


class Workers(Protocol):
    """Workers, each running one training at a time. They only train: the driver decides."""

    @property
    def count(self) -> int:
        """How many workers there are, ready or not, numbered from 0."""

    @property
    def idle(self) -> int:
        """How many of them could take a task now."""

    def start(self, task: TrainingTask) -> int:
        """Give a task to an idle worker and return the worker's number; RuntimeError if none is idle.

        For a task that needs a whole GPU, the other workers on that GPU must be idle; they end until it is done.
        """

    def apply(self, trial: int, decision: Decision, *, keep_model: bool = False, make_checkpoint: bool = False) -> None:
        """Answer a training's `EpochReported`.

        Args:
            trial: the training's.
            decision: what becomes of it.
            keep_model: request `TrainingResult.model` at its end.
            make_checkpoint: request a `CheckpointMade` before it continues; its next epoch does not wait until the
                driver has received it.
        """

    def halt(self) -> None:
        """Interrupt every training at its next batch, since the process must end soon.

        `TrainingPaused` follows for each, with a checkpoint of its epoch's beginning unless that one was sent before.
        Trainings that report or end at this moment do so as usual.
        """

    def give_up(self, trial: int, failure: TrainingFailure) -> None:
        """End the worker that trains `trial`, for example since it hangs; `TrainingFailed` with that failure follows.

        The worker's stack is added to the failure's traceback where it can be read. Does nothing if the training has
        just ended.
        """

    def measure(self, trial: int, model: bytes) -> int:
        """Let an idle worker measure a saved model on the test images.

        `PartMeasured` follows every second or so, then `Measured` or `TrainingFailed`.
        """

    def next_event(self, timeout_seconds: float) -> Event | None:
        """Wait for the next event; None: there was none in time."""

    def close(self) -> None:
        """End all workers immediately; what they were training is lost. May be called twice."""


class WorkerFactory(Protocol):
    """Makes the workers of a run, once the data are loaded."""

    def __call__(self, *, data: StudyData, objective: Objective, is_halted: Callable[[int], bool]) -> Workers:
        """Return workers that hold `data`; returns at once.

        Workers in the driver's own process call `is_halted` with the trial after each batch, since `Workers.halt`
        cannot be called meanwhile.
        """


class OpenWorkers(Protocol):
    """The function `open_workers` of a kind of workers (see `search.worker_kinds`)."""

    def __call__(
        self, settings: RunSettings, *, space: Space, log_file: Path, note: Callable[[str], None]
    ) -> AbstractContextManager[WorkerFactory]:
        """See `search.workers.start.open_workers`."""
