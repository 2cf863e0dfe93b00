"""The loop: which recipe next, on which worker, until when."""

from __future__ import annotations

import contextlib
import math
import time

import optuna
import sqlalchemy

from objectives.messages import TrainingFailure
from search.algorithms.samplers import derive_seed
from search.driver.active_trial import Running, resuming_in_words
from search.driver.budget import Budget
from search.driver.checkpoints import Checkpoints
from search.driver.recorder import TrialEnds
from search.driver.trainings import Trainings
from search.driver.trial_time import TrialTime
from search.driver.watchdog import Watchdog
from search.progress.protocol import Progress
from search.results.run_folder import RunFolder
from search.storage.retry import RetryingSaver
from search.study.study import Study
from search.system.disk import DiskGuard
from search.system.signals import StopRequest, Terminated
from search.workers.protocol import Event, Workers
from spaces.errors import ImpossibleChoiceError, SpaceError, TamizError

SAVE_SECONDS = 0.05
"""The study is saved this often at most, since saving takes time; where training is slow, that is after each event."""


class Search:
    """One run of a study: asks, lets workers train, decides, records, tells."""

    def __init__(
        self,
        *,
        study: Study,
        workers: Workers,
        budget: Budget,
        folder: RunFolder,
        progress: Progress,
        stop: StopRequest,
        seed: int,
        until: float | None = None,
        watchdog: Watchdog | None = None,
        trial_time: TrialTime | None = None,
        saving: RetryingSaver | None = None,
        disk: DiskGuard | None = None,
    ) -> None:
        """Get ready; `seed` is the run's, `until` a score that is good enough."""
        self._study = study
        self._workers = workers
        self._budget = budget
        self._folder = folder
        self._progress = progress
        self._stop = stop
        self._seed = seed
        self._until = until
        self._exhausted = False
        self._saving = saving or RetryingSaver(study, note=progress.note)
        checkpoints = Checkpoints(folder, progress)
        self._ends = TrialEnds(
            study=study,
            saving=self._saving,
            budget=budget,
            folder=folder,
            checkpoints=checkpoints,
            progress=progress,
            disk=disk or DiskGuard(folder.path, note=progress.note, patience_seconds=0.0),
        )
        self._trainings = Trainings(
            study=study,
            workers=workers,
            budget=budget,
            folder=folder,
            checkpoints=checkpoints,
            ends=self._ends,
            progress=progress,
            watchdog=watchdog or Watchdog(),
            trial_time=trial_time or TrialTime(),
            is_ending=lambda: self._is_ending,
        )
        self._saved_at = -math.inf

    def run(self) -> None:
        """Search until the budget is spent, the score is good enough, or somebody asks to stop.

        Trials under way at an early end stay so in the study, and go on at their epoch in the next run.

        Raises:
            NothingCompletedError: everything fails in the same way.
            StorageError: the disk gave up, or the study's database was away for too long.
            sqlalchemy.exc.DBAPIError: the database refuses what it is given.
            StudyConflictError: another program adds trials to the study.
        """
        try:
            self._take_up_interrupted()
            while True:
                self._fill()
                if self._stop.is_immediate:
                    self._trainings.halt()
                    break
                if not (self._trainings.any_under_way or self._has_more):
                    break
                event = self._next_event()
                if event is not None:
                    self._trainings.handle(event)
                elif self._budget.is_overdue:
                    self._trainings.halt()
                    self._trainings.leave_to_the_next_run()
                self._trainings.give_up_late()
            self._saving.save_at_last(may_wait=not self._stop.is_requested)
        except Terminated:  # there is no time; what has ended is in its files, and is entered from them
            raise
        except BaseException:
            with contextlib.suppress(TamizError, sqlalchemy.exc.DBAPIError):  # what goes wrong was wrong before
                self._saving.save_at_last(may_wait=False)
            raise

    def _next_event(self) -> Event | None:
        """Wait for something to happen, with the study saved unless that was a moment ago."""
        wait = self._saved_at + SAVE_SECONDS - time.monotonic()
        if wait > 0 and (event := self._workers.next_event(timeout_seconds=wait)) is not None:
            return event
        self._saving.save()
        self._saved_at = time.monotonic()
        return self._workers.next_event(timeout_seconds=1.0)

    @property
    def is_good_enough(self) -> bool:
        """Whether a trial reached the score that was asked for."""
        best = self._study.best() if self._until is not None else None
        if self._until is None or best is None or best.value is None:
            return False
        return best.value == self._until or self._study.is_better(best.value, self._until)

    @property
    def ended_early(self) -> str | None:
        """Which goal other than the number of trials was reached, in words; None: none."""
        if self.is_good_enough:
            return f"the score reached {self._until}"
        if self._budget.is_over:
            return "the time was up"
        return "every point of the grid was tried" if self._exhausted else None

    @property
    def _is_ending(self) -> bool:
        return self._stop.is_requested or self._budget.is_over or self.is_good_enough

    @property
    def _has_more(self) -> bool:
        if self._is_ending:
            return False
        return bool(self._trainings.waiting) or (not self._exhausted and self._budget.may_start(self._study.started()))

    def _take_up_interrupted(self) -> None:
        for trial in self._study.interrupted():
            record = self._folder.read_trial(trial.number)
            if record is not None:
                self._ends.enter(trial, record)
            elif (running := self._prepare(trial)) is not None:
                self._trainings.take_up(running)
                if running.checkpoint is not None:  # the study may have been saved a moment before it
                    self._study.enter(trial, ((done.epoch, done.score) for done in running.checkpoint.reports))
        if waiting := self._trainings.waiting:
            started = self._study.started()
            done, to_go = started - len(waiting), self._budget.left(started)
            self._progress.note(resuming_in_words(self._study.name, waiting, done=done, to_go=to_go))

    def _fill(self) -> None:
        while self._workers.idle and self._has_more and not self._saving.is_blocked:
            if not self._trainings.may_begin_another:
                return
            if self._trainings.waiting:
                self._trainings.begin_waiting()
            elif (trial := self._study.ask()) is None:
                self._exhausted = True
            elif (running := self._prepare(trial)) is not None:
                self._trainings.begin(running)

    def _prepare(self, trial: optuna.Trial) -> Running | None:
        running = Running(trial=trial, recipe=None, seed=derive_seed(self._seed, trial.number))
        try:
            running.recipe = self._study.suggest(trial)
        except ImpossibleChoiceError as error:
            self._ends.refuse(running, TrainingFailure(cause="invalid", message=str(error)))
            return None
        except SpaceError as error:
            message = str(error)
            failure = TrainingFailure(cause="error", message=message.partition("\n")[0], traceback=message)
            self._ends.fail(running, failure, worker="none")
            return None
        return running
