"""A training in progress, and the record that is made of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from objectives.device_report import Device
from objectives.messages import Checkpoint, EpochReport, Part, TrainingFailure, TrainingResult, TrainingTask
from reports.stored.records import TrialRecord, TrialState, schema
from search.system.environment import now
from spaces.recipe import Recipe

PRUNED_CAUSES = ("diverged", "gpu_oom", "invalid", "timeout")
"""Failures that the sampler should learn to avoid: recorded as pruned, since samplers ignore failed trials."""


@dataclass(kw_only=True)
class ActiveTraining:
    """A training in progress: of a trial, or of its recipe again after the search."""

    number: int
    """By which workers and displays know it: the trial's, or a negative one where the recipe is trained again."""
    trial_number: int
    """Of the trial that the record belongs to."""
    title: str
    """In messages: "trial 3"."""
    place: str
    """Its folder, relative to the run folder."""
    recipe: Recipe | None
    """None: the space failed to choose one."""
    seed: int
    epochs: int
    """Unless it is stopped before."""
    part: Part = "train"
    is_limited: bool = True
    """Whether `--trial-timeout` applies to it."""
    params: Mapping[str, Any]
    baseline: str | None = None
    """Name of the hand-made baseline that it is, if it is one."""
    start: str | None = None
    """Name of the space's recommended start that it is, if it is one."""
    attempt: int = 1
    started: str = field(default_factory=now)
    reports: list[EpochReport] = field(default_factory=list)
    checkpoint: Checkpoint | None = None
    """Where training resumes, while it waits for a worker; None: at the first epoch."""
    unsaved_seconds: float = 0.0
    """Spent training since the last checkpoint."""
    device: Device | None = None
    """What its worker computes on; None: unknown."""
    needs_whole_gpu: bool = False
    """Whether it ran out of memory on a GPU that it shared."""
    is_exclusive: bool = False
    """Whether nothing else may be trained beside it: its last attempt ran out of memory."""
    losses: int = 0
    """Workers lost with it since it last got further than before."""
    best_epoch_reached: int = 0
    """The last epoch that any attempt reached."""
    is_ending: bool = False
    """Whether its worker was asked to pause or finish it, or it was abandoned."""
    timeout_reason: str | None = None
    """Why it ends before its last epoch although it was not pruned; None: it does not."""

    @property
    def may_be_silent(self) -> bool:
        """Whether its worker may be computing the features of a frozen part, whose duration cannot be predicted."""
        return self.recipe is not None and self.recipe.network.starts_pretrained and not self.reports

    def next_task(self) -> TrainingTask:
        """Return the task for a worker, and count the epochs of its checkpoint as done."""
        assert self.recipe is not None
        checkpoint, self.checkpoint = self.checkpoint, None
        self.reports = [] if checkpoint is None else list(checkpoint.reports)
        self.unsaved_seconds = 0.0
        self.is_ending = False
        return TrainingTask(
            trial=self.number,
            recipe=self.recipe,
            seed=self.seed,
            attempt=self.attempt,
            checkpoint=checkpoint,
            part=self.part,
            epochs=self.epochs,
            needs_whole_gpu=self.needs_whole_gpu,
        )

    def add_report(self, report: EpochReport) -> bool:
        """Add an epoch; False where the training restarted before it, and later epochs are dropped."""
        is_next = report.epoch == len(self.reports) + 1
        # A worker restarts a trial whose checkpoint is incompatible: its epochs then count from 1 again.
        del self.reports[report.epoch - 1 :]
        self.reports.append(report)
        self.unsaved_seconds += report.seconds
        return is_next

    def shown(self, report: EpochReport) -> EpochReport:
        """Return what is shown and kept of an epoch: no score where the validation images were trained on."""
        if self.part == "train":
            return report
        trained = {name: value for name, value in report.metrics.items() if name in ("loss", "accuracy")}
        return replace(report, score=math.nan, metrics=trained)

    def count_loss(self) -> None:
        """Count a lost worker; one that had brought the trial further than ever before starts the count again."""
        reached = len(self.reports)
        self.losses = 1 if reached > self.best_epoch_reached else self.losses + 1
        self.best_epoch_reached = max(self.best_epoch_reached, reached)

    def with_batch_size(self, failure: TrainingFailure) -> TrainingFailure:
        """Return the failure; one for lack of memory names the batch size, on which memory depends."""
        if self.recipe is None or failure.cause not in ("host_oom", "gpu_oom"):
            return failure
        return replace(failure, message=f"{failure.message} (batch_size={self.recipe.fit.batch_size})")

    def result_record(self, result: TrainingResult, *, worker: str) -> TrialRecord:
        """Return the record of a training that ended in order."""
        return replace(
            self._record(
                "COMPLETE" if self.reports[-1].epoch >= self.epochs else "PRUNED",
                worker=worker,
                cause=None if self.timeout_reason is None else "timeout",
                message=self.timeout_reason,
            ),
            score=result.score,
            best_epoch=result.best_epoch,
            epochs=result.epochs,
            parameters=result.parameters,
            seconds_building=result.seconds_building,
            seconds_training=result.seconds_training,
            seconds_an_image=result.seconds_an_image,
            note=result.note,
        )

    def failure_record(self, failure: TrainingFailure, *, worker: str) -> TrialRecord:
        """Return the record of a training that failed for good."""
        state: TrialState = "PRUNED" if failure.cause in PRUNED_CAUSES else "FAIL"
        record = self._record(state, worker=worker, cause=failure.cause, message=failure.message)
        return replace(record, missing_memory=self._missing_memory(failure))

    def _missing_memory(self, failure: TrainingFailure) -> float | None:
        """Return what did not fit, as a fraction of the GPU's memory; 1 where that is unknown."""
        if failure.cause != "gpu_oom":
            return None
        memory = None if self.device is None else self.device.memory_bytes
        if memory is None or failure.requested_bytes is None:
            return 1.0
        return min(1.0, failure.requested_bytes / memory)

    def _record(self, state: TrialState, *, worker: str, cause: str | None, message: str | None) -> TrialRecord:
        return TrialRecord(
            schema=schema,
            trial=self.trial_number,
            state=state,
            score=None,
            best_epoch=None,
            epochs=len(self.reports),
            params=self.params,
            baseline=self.baseline,
            start=self.start,
            network=None if self.recipe is None else self.recipe.network.described,
            parameters=None,
            seconds_building=None,
            seconds_training=sum(report.seconds for report in self.reports),
            seed=self.seed,
            attempt=self.attempt,
            worker=worker,
            cause=cause,
            message=message,
            device=None if self.device is None else self.device.in_words,
            started=self.started,
            ended=now(),
        )
