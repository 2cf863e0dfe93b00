"""Records finished trials: files first, then the study, so that a crash in between loses nothing."""

from __future__ import annotations

import math

import optuna

from objectives.messages import Predictions, TrainingFailure, TrainingResult
from reports.stored import layout
from reports.stored.records import TrialRecord
from search.driver.active_trial import ActiveTrial
from search.trainings.parts import SearchParts


class TrialRecorder:
    """Records trials that completed, were pruned, or failed for good.

    The order: the database knows that the trial was asked for; its files are written, `result.json` last; its
    checkpoints are removed; the study is updated. After a crash between any two, the next run can tell where it was.
    """

    def __init__(self, parts: SearchParts) -> None:
        self._parts = parts
        self._noted: set[str] = set()
        limits = (parts.settings.no_improvement_trials, parts.settings.min_gain)
        is_needed = limits != (None, None) or parts.settings.timeout_seconds is not None
        self.ended = list(parts.folder.read_trials()) if is_needed else []
        """Trials that have ended, those of earlier runs included where a limit depends on them."""

    def complete(self, active: ActiveTrial, result: TrainingResult, *, worker: str) -> None:
        """Record a training that ended in order; one whose score is not finite failed.

        Raises:
            NothingCompletedError: it ran out of time, as all before it.
        """
        if not math.isfinite(result.score):
            failure = TrainingFailure(cause="diverged", message=f"the score became {result.score}")
            self.fail(active, failure, worker=worker)
            return
        parts = self._parts
        record = active.result_record(result, worker=worker)
        self._record(active, record, predictions=result.predictions, model=result.model)
        if record.note is not None and record.note not in self._noted:
            self._noted.add(record.note)
            parts.progress.note(f"trial {record.trial}: {record.note}")
        if record.state == "COMPLETE":
            parts.budget.completed()
            parts.models.add(record)
        elif active.timeout_reason is not None:
            parts.budget.failed(TrainingFailure(cause="timeout", message=active.timeout_reason))

    def fail(self, active: ActiveTrial, failure: TrainingFailure, *, worker: str) -> None:
        """Record a training that failed for good.

        Raises:
            NothingCompletedError: everything fails in the same way.
        """
        record = active.failure_record(failure, worker=worker)
        self._record(active, record, predictions=None, model=None)
        self._parts.folder.write_traceback(active.place, failure.traceback)
        self._parts.budget.failed(failure)

    def reject(self, active: ActiveTrial, failure: TrainingFailure) -> None:
        """Record a trial whose choice is impossible; it does not count as a failure, since no worker saw it."""
        self._record(active, active.failure_record(failure, worker="none"), predictions=None, model=None)

    def recover(self, trial: optuna.Trial, record: TrialRecord) -> None:
        """Update the study for a trial whose result is on disk: the run that wrote it was interrupted right then."""
        parts = self._parts
        parts.checkpoints.forget(layout.trial(trial.number))
        parts.study.enter(trial, parts.folder.read_scores(trial.number))  # the study may have been saved before these
        self._attach(trial, record)
        parts.study.tell(trial, record)
        parts.models.add(record)
        parts.progress.note(f"trial {trial.number} had ended when the run was interrupted; its result is entered")

    def _record(
        self, active: ActiveTrial, record: TrialRecord, *, predictions: Predictions | None, model: bytes | None
    ) -> None:
        parts = self._parts
        if parts.study.is_new(record.trial):
            parts.saver.save()  # the next run must not ask for a trial again whose result is on disk
        parts.disk.write(
            lambda: parts.folder.write_trial(
                record, recipe=active.recipe, reports=active.reports, predictions=predictions, model=model
            )
        )
        parts.checkpoints.forget(active.place)
        parts.disk.write(lambda: self._attach(active.trial, record))
        parts.study.tell(active.trial, record)
        self.ended.append(record)
        parts.progress.trial_ended(record)

    def _attach(self, trial: optuna.Trial, record: TrialRecord) -> None:
        from search.dashboard.artifacts import attach  # imports scikit-learn, which would delay the start

        attach(trial, record, self._parts.folder)
