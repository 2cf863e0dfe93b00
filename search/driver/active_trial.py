"""A trial under way, and what is recorded and said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import optuna

from objectives.messages import Checkpoint, EpochReport, TrainingFailure, TrainingResult, TrainingTask
from reports.stored.records import TrialRecord, TrialState, schema
from search.study.study import BASELINE, START
from search.system.environment import (
    now,
)
from spaces.recipe import Recipe

TELLS_SAMPLER = ("diverged", "gpu_oom", "invalid", "timeout")
"""Causes that the sampler should learn to avoid: told as pruned, since samplers never read failed trials."""


@dataclass(kw_only=True)
class Running:
    """A trial under way."""

    trial: optuna.Trial
    recipe: Recipe | None
    """None: the space failed to choose one."""
    seed: int
    attempt: int = 1
    started: str = field(default_factory=now)
    reports: list[EpochReport] = field(default_factory=list)
    checkpoint: Checkpoint | None = None
    """Where it will go on, while it waits for a worker; None: at the first epoch."""
    seconds_at_stake: float = 0.0
    """Spent training since the last checkpoint."""
    is_alone: bool = False
    """Whether no other may be trained beside it: memory ran out the last time."""
    losses: int = 0
    """How often a worker was lost with it since it last got further than before."""
    furthest: int = 0
    """The last epoch that any attempt reached."""
    is_ending: bool = False
    """Whether its worker was told to pause, to finish, or was given up."""
    ran_out: str | None = None
    """Why it ends before its last epoch although nobody pruned it: its time; None: it does not."""

    @property
    def number(self) -> int:
        """The trial's."""
        return self.trial.number

    @property
    def baseline(self) -> str | None:
        """The hand-made baseline that it is, if it is one."""
        return self._attribute(BASELINE)

    @property
    def start(self) -> str | None:
        """The space's recommended start that it is, if it is one."""
        return self._attribute(START)

    @property
    def may_be_silent(self) -> bool:
        """Whether its worker may be computing the features of a frozen part, which takes as long as it takes."""
        return self.recipe is not None and self.recipe.network.starts_pretrained and not self.reports

    def take_up(self) -> TrainingTask:
        """Return the task for a worker; the epochs of the checkpoint are those that are done."""
        assert self.recipe is not None
        checkpoint, self.checkpoint = self.checkpoint, None
        self.reports = [] if checkpoint is None else list(checkpoint.reports)
        self.seconds_at_stake = 0.0
        self.is_ending = False
        return TrainingTask(
            trial=self.number, recipe=self.recipe, seed=self.seed, attempt=self.attempt, checkpoint=checkpoint
        )

    def enter(self, report: EpochReport) -> bool:
        """Add an epoch; False where epochs before it had to be trained again, and are forgotten."""
        goes_on = report.epoch == len(self.reports) + 1
        del self.reports[report.epoch - 1 :]
        self.reports.append(report)
        self.seconds_at_stake += report.seconds
        return goes_on

    def lose(self) -> None:
        """Count a worker that was lost with it; one that had brought it further than any before is the first again."""
        reached = len(self.reports)
        self.losses = 1 if reached > self.furthest else self.losses + 1
        self.furthest = max(self.furthest, reached)

    def explained(self, failure: TrainingFailure) -> TrainingFailure:
        """Return a failure for want of memory with what decides how much a training takes."""
        if self.recipe is None or failure.cause not in ("host_oom", "gpu_oom"):
            return failure
        return replace(failure, message=f"{failure.message} (batch_size={self.recipe.fit.batch_size})")

    def result_record(self, result: TrainingResult, *, epochs: int, worker: str) -> TrialRecord:
        """Return the record of a training that ended in order; `epochs` are those of one that is not pruned."""
        return TrialRecord(
            schema=schema,
            trial=self.number,
            state="COMPLETE" if self.reports[-1].epoch >= epochs else "PRUNED",
            score=result.score,
            best_epoch=result.best_epoch,
            epochs=result.epochs,
            params=self.trial.params,
            baseline=self.baseline,
            start=self.start,
            parameters=result.parameters,
            seconds_building=result.seconds_building,
            seconds_training=result.seconds_training,
            seed=self.seed,
            attempt=self.attempt,
            worker=worker,
            cause=None if self.ran_out is None else "timeout",
            message=self.ran_out,
            note=result.note,
            started=self.started,
            ended=now(),
        )

    def failure_record(self, failure: TrainingFailure, *, worker: str) -> TrialRecord:
        """Return the record of a training that failed for good."""
        state: TrialState = "PRUNED" if failure.cause in TELLS_SAMPLER else "FAIL"
        return TrialRecord(
            schema=schema,
            trial=self.number,
            state=state,
            score=None,
            best_epoch=None,
            epochs=len(self.reports),
            params=self.trial.params,
            baseline=self.baseline,
            start=self.start,
            parameters=None,
            seconds_building=None,
            seconds_training=sum(report.seconds for report in self.reports),
            seed=self.seed,
            attempt=self.attempt,
            worker=worker,
            cause=failure.cause,
            message=failure.message,
            started=self.started,
            ended=now(),
        )

    def _attribute(self, name: str) -> str | None:
        value = self.trial.user_attrs.get(name)
        return value if isinstance(value, str) else None


def resuming_in_words(study: str, interrupted: Sequence[Running], *, done: int, to_go: int) -> str:
    """Return "resuming 'x': 12 done, 2 interrupted (trials 12, 13 continue at epochs 3, 6), 28 to go"."""
    numbers = ", ".join(str(running.number) for running in interrupted)
    epochs = ", ".join(str(running.checkpoint.epoch + 1 if running.checkpoint else 1) for running in interrupted)
    which = (
        f"trial {numbers} continues at epoch {epochs}"
        if len(interrupted) == 1
        else f"trials {numbers} continue at epochs {epochs}"
    )
    return f"resuming '{study}': {done} done, {len(interrupted)} interrupted ({which}), {to_go} to go"
