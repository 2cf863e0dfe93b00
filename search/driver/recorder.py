"""How a trial ends: its record on disk before the study is told, in an order in which no crash loses anything."""

from __future__ import annotations

import math

import optuna

from objectives.messages import Predictions, TrainingFailure, TrainingResult
from reports.stored.records import TrialRecord
from search.driver.active_trial import Running
from search.driver.budget import Budget
from search.driver.checkpoints import Checkpoints
from search.progress.protocol import Progress
from search.results.run_folder import RunFolder
from search.storage.retry import RetryingSaver
from search.study.study import Study
from search.system.disk import DiskGuard


class TrialEnds:
    """Records and tells trials that completed, were pruned, or failed for good.

    The database knows that the trial was asked for; then its files are written, `result.json` last; then its
    checkpoints go; then the study is told. After a crash between any two, the next run can tell where it was.
    """

    def __init__(
        self,
        *,
        study: Study,
        saving: RetryingSaver,
        budget: Budget,
        folder: RunFolder,
        checkpoints: Checkpoints,
        progress: Progress,
        disk: DiskGuard,
    ) -> None:
        """Get ready; all of them are the search's."""
        self._disk = disk
        self._study = study
        self._saving = saving
        self._budget = budget
        self._folder = folder
        self._checkpoints = checkpoints
        self._progress = progress
        self._said: set[str] = set()

    def end(self, running: Running, result: TrainingResult, *, worker: str) -> None:
        """Record and tell a training that ended in order; a score that is no number never completes.

        Raises:
            NothingCompletedError: it ran out of time, as all before it.
        """
        if not math.isfinite(result.score):
            failure = TrainingFailure(cause="diverged", message=f"the score became {result.score}")
            self.fail(running, failure, worker=worker)
            return
        record = running.result_record(result, epochs=self._study.epochs, worker=worker)
        self._record(running, record, predictions=result.predictions, model=result.model)
        if record.note is not None and record.note not in self._said:
            self._said.add(record.note)
            self._progress.note(f"trial {record.trial}: {record.note}")
        if record.state == "COMPLETE":
            self._budget.completed()
            best = self._study.best()
            self._folder.keep_only_model(record.trial if best is None else best.number)
        elif running.ran_out is not None:
            self._budget.failed(TrainingFailure(cause="timeout", message=running.ran_out))

    def fail(self, running: Running, failure: TrainingFailure, *, worker: str) -> None:
        """Record and tell a training that failed for good.

        Raises:
            NothingCompletedError: everything fails in the same way.
        """
        record = running.failure_record(failure, worker=worker)
        self._record(running, record, predictions=None, model=None)
        self._folder.write_traceback(record.trial, failure.traceback)
        self._budget.failed(failure)

    def refuse(self, running: Running, failure: TrainingFailure) -> None:
        """Record and tell a trial whose choice can't be; no worker saw it, and it says nothing about others."""
        self._record(running, running.failure_record(failure, worker="none"), predictions=None, model=None)

    def enter(self, trial: optuna.Trial, record: TrialRecord) -> None:
        """Tell a trial whose result is on disk: the run that wrote it was interrupted right then."""
        self._checkpoints.forget(trial.number)
        self._study.enter(trial, self._folder.read_scores(trial.number))  # saved perhaps a moment before
        self._attach(trial, record)
        self._study.tell(trial, record)
        self._progress.note(f"trial {trial.number} had ended when the run was interrupted; its result is entered")

    def _record(
        self, running: Running, record: TrialRecord, *, predictions: Predictions | None, model: bytes | None
    ) -> None:
        if self._study.is_new(record.trial):
            self._saving.save()  # a trial of which there is a result must not be asked for again
        self._disk.write(
            lambda: self._folder.write_trial(
                record, recipe=running.recipe, reports=running.reports, predictions=predictions, model=model
            )
        )
        self._checkpoints.forget(record.trial)
        self._disk.write(lambda: self._attach(running.trial, record))
        self._study.tell(running.trial, record)
        self._progress.trial_ended(record)

    def _attach(self, trial: optuna.Trial, record: TrialRecord) -> None:
        from search.dashboard.artifacts import attach  # imports scikit-learn, for which no search waits to begin

        attach(trial, record, self._folder)
