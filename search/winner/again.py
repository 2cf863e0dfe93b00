"""Trains recorded recipes again, after the search and on its workers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from objectives.messages import Decision, EpochReport, Part, TrainingFailure, TrainingResult
from reports.stored.records import TrialRecord
from search.trainings.active import ActiveTraining
from search.trainings.parts import SearchParts
from search.trainings.trainings import Trainings
from spaces.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class Job:
    """A recipe that is to be trained again; the same place always means the same training."""

    trial: TrialRecord
    """Whose recipe it is."""
    recipe: Recipe
    seed: int
    epochs: int
    part: Part = "train"
    place: str
    """Folder for its files, relative to the run folder: `result.json` last, checkpoints until then."""
    title: str
    """In messages: "trial 3 with seed 17"."""
    keeps_model: bool = False


def train_again(jobs: Sequence[Job], parts: SearchParts) -> list[TrialRecord | None]:
    """Train recipes again, in their order, as far as they are not trained yet.

    What a signal or the time limit interrupts continues from its checkpoint at the next call. `--trial-timeout` does
    not apply.

    Args:
        jobs: each with a place of its own.
        parts: of the search, which has ended.

    Returns:
        The record of each job; None for one that has not ended.

    Raises:
        TamizError: the disk or all workers failed; what has ended is on disk.
    """
    again = _Again(jobs, parts)
    with parts.stop.in_order():
        again.run()
    return [parts.folder.read_result(job.place) for job in jobs]


@dataclass(kw_only=True)
class _Retraining(ActiveTraining):
    keeps_model: bool


class _Again:
    """Obeys `search.trainings.trainings.Owner`."""

    def __init__(self, jobs: Sequence[Job], parts: SearchParts) -> None:
        self._parts = parts
        self._trainings = Trainings[_Retraining](parts, self)
        self._jobs = len(jobs)
        left = [job for job in jobs if parts.folder.read_result(job.place) is None]
        self._ended = len(jobs) - len(left)
        for place, job in enumerate(left):
            self._trainings.enqueue(_retraining(job, number=-1 - place))

    def run(self) -> None:
        """Train until all have ended, time is up, or a stop is requested."""
        parts, trainings = self._parts, self._trainings
        self._show()
        while trainings.any_running or (trainings.waiting and not self.is_ending):
            while parts.workers.idle and trainings.waiting and trainings.may_start_another and not self.is_ending:
                trainings.start_waiting()
            if parts.stop.is_immediate:
                trainings.halt()
                return
            event = parts.workers.next_event(timeout_seconds=1.0)
            if event is not None:
                trainings.handle(event)
            elif parts.budget.is_overdue:
                trainings.halt()
                trainings.abandon()
            trainings.give_up_overdue()

    @property
    def is_ending(self) -> bool:
        """Whether trainings pause after their epoch."""
        return self._parts.stop.is_requested or self._parts.budget.is_over

    def decide(self, active: _Retraining, report: EpochReport) -> Decision:
        """Train on until the last epoch."""
        return Decision.FINISH if report.epoch >= active.epochs else Decision.CONTINUE

    def wants_model(self, active: _Retraining) -> bool:
        """Whether the job keeps it."""
        return active.keeps_model

    def complete(self, active: _Retraining, result: TrainingResult, *, worker: str) -> None:
        """Record a training that ended in order; one whose score is not finite failed."""
        if not math.isfinite(result.score):
            failure = TrainingFailure(cause="diverged", message=f"the score became {result.score}")
            self.fail(active, failure, worker=worker)
            return
        record = active.result_record(result, worker=worker)
        if active.part == "all":  # what it predicts for the validation images, which it was trained on, says nothing
            record = replace(record, score=None, best_epoch=None)
        self._record(active, record, result)

    def fail(self, active: _Retraining, failure: TrainingFailure, *, worker: str) -> None:
        """Record a training that failed for good, and report it."""
        self._record(active, active.failure_record(failure, worker=worker), None)
        self._parts.folder.write_traceback(active.place, failure.traceback)
        self._parts.progress.note(f"{active.title} failed: {failure.message}")

    def _record(self, active: _Retraining, record: TrialRecord, result: TrainingResult | None) -> None:
        parts = self._parts
        parts.disk.write(
            lambda: parts.folder.write_trial(
                record,
                recipe=active.recipe,
                reports=[active.shown(report) for report in active.reports],
                predictions=None if result is None or active.part == "all" else result.predictions,
                model=None if result is None else result.model,
                place=active.place,
            )
        )
        parts.checkpoints.forget(active.place)
        parts.progress.trial_paused(active.number)
        self._ended += 1
        self._show()

    def _show(self) -> None:
        self._parts.progress.phase_reached(self._ended, self._jobs, "training")


def _retraining(job: Job, *, number: int) -> _Retraining:
    return _Retraining(
        number=number,
        trial_number=job.trial.trial,
        title=job.title,
        place=job.place,
        recipe=job.recipe,
        seed=job.seed,
        epochs=job.epochs,
        part=job.part,
        is_limited=False,
        params=job.trial.params,
        baseline=job.trial.baseline,
        start=job.trial.start,
        keeps_model=job.keeps_model,
    )
