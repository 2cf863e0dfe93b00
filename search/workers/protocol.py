"""Workers: what the driver may ask of the processes that train, and what they answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from objectives.messages import (
    Checkpoint,
    Decision,
    EpochReport,
    TrainingFailure,
    TrainingResult,
    TrainingTask,
    WinnerMeasured,
)


@dataclass(frozen=True, kw_only=True)
class WorkerReady:
    """A worker has imported Keras, holds the data and waits for its first task.

    A worker that replaces a lost one has its number, and is announced again.
    """

    worker: int


@dataclass(frozen=True, kw_only=True)
class EpochReported:
    """A training finished an epoch and waits for `Workers.apply`."""

    worker: int
    trial: int
    report: EpochReport


@dataclass(frozen=True, kw_only=True)
class CheckpointMade:
    """A training made the checkpoint that `Workers.apply` asked for, and goes on."""

    worker: int
    trial: int
    checkpoint: Checkpoint


@dataclass(frozen=True, kw_only=True)
class TrainingPaused:
    """A training obeyed PAUSE, or was halted; its worker is idle."""

    worker: int
    trial: int
    checkpoint: Checkpoint | None
    """None: nothing is left of it that was not asked for before."""


@dataclass(frozen=True, kw_only=True)
class TrainingEnded:
    """A training obeyed PRUNE or FINISH; its worker is idle."""

    worker: int
    trial: int
    result: TrainingResult


@dataclass(frozen=True, kw_only=True)
class TrainingFailed:
    """A training, or a measuring, ended without a result.

    Its worker is idle; or it was lost, is being replaced, and `WorkerReady` follows.
    """

    worker: int
    trial: int
    failure: TrainingFailure


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A winner was measured on the test images; its worker is idle."""

    worker: int
    trial: int
    winner: WinnerMeasured


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something about the workers that a person should read."""

    line: str


Event = (
    WorkerReady | EpochReported | CheckpointMade | TrainingPaused | TrainingEnded | TrainingFailed | Measured | Notice
)


class Workers(Protocol):
    """Some workers, each running one training at a time. Workers only train: they decide nothing."""

    @property
    def count(self) -> int:
        """How many workers there are, ready or not, numbered from 0."""

    @property
    def idle(self) -> int:
        """How many of them could take a task now."""

    def start(self, task: TrainingTask) -> int:
        """Give a task to an idle worker and return the worker's number; RuntimeError if none is idle."""

    def apply(self, trial: int, decision: Decision, *, keep_model: bool = False, make_checkpoint: bool = False) -> None:
        """Answer a training's `EpochReported`.

        Args:
            trial: the training's.
            decision: what becomes of it.
            keep_model: ask for `TrainingResult.model` at its end.
            make_checkpoint: ask for a `CheckpointMade` of now, before it continues; its next epoch does not
                wait until the driver has taken it.
        """

    def halt(self) -> None:
        """Let every training stop at its next batch, since the process must end soon.

        `TrainingPaused` follows for each, with where its epoch began if that was not asked for as a checkpoint; what
        reported, or ended, at this moment is heard as ever.
        """

    def give_up(self, trial: int, failure: TrainingFailure) -> None:
        """End the worker that trains `trial` and answers no more; `TrainingFailed` with that failure follows.

        What can be learned of where it hung is added to the failure's traceback. Nothing is done where the
        training's end is on its way already.
        """

    def measure(self, trial: int, model: bytes) -> int:
        """Let an idle worker measure a saved model on the test images; answered by `Measured` or `TrainingFailed`."""

    def next_event(self, timeout_seconds: float) -> Event | None:
        """Wait for something to happen; None when nothing did in time."""

    def close(self) -> None:
        """End all workers, at once; what they were training is lost. May be called twice."""
