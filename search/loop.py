"""The loop: which recipe next, on which worker, until when."""

from __future__ import annotations

import contextlib
import math
import time
from collections import deque
from dataclasses import replace

import optuna
import sqlalchemy

from objectives.records import Checkpoint, Decision, TrainingFailure
from search.budget import Budget
from search.checkpoints import Checkpoints
from search.full_disk import RoomOnDisk
from search.joining import Helpers
from search.patience import PatientSaving
from search.progress import Progress
from search.run_folder import RunFolder
from search.running import Running, resuming_in_words
from search.samplers import derive_seed
from search.stop_request import StopRequest
from search.stopping import Terminated
from search.study import Study
from search.tally import duration
from search.trial_ends import TrialEnds
from search.trial_time import TrialTime
from search.watchdog import Watchdog
from search.workers import (
    CheckpointMade,
    EpochReported,
    Event,
    Notice,
    TrainingEnded,
    TrainingFailed,
    TrainingPaused,
    Workers,
)
from spaces.errors import SpaceError, TamizError

SAVE_SECONDS = 0.05
"""The study is saved this often at most, since saving takes time; where training is slow, that is after each event."""
HALT_SECONDS = 3.0
"""So long trainings may take to stop amid their epochs: SIGTERM leaves ten seconds for everything."""


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
        helpers: Helpers | None = None,
        saving: PatientSaving | None = None,
        disk: RoomOnDisk | None = None,
    ) -> None:
        """Get ready; `seed` is the run's, `until` a score that is good enough."""
        self._study = study
        self._workers = workers
        self._budget = budget
        self._folder = folder
        self._checkpoints = Checkpoints(folder, progress)
        self._progress = progress
        self._stop = stop
        self._seed = seed
        self._until = until
        self._watchdog = watchdog or Watchdog()
        self._trial_time = trial_time or TrialTime()
        self._helpers = helpers
        self._running: dict[int, Running] = {}
        self._again: deque[Running] = deque()
        self._exhausted = False
        self._saving = saving or PatientSaving(study, note=progress.note)
        self._ends = TrialEnds(
            study=study,
            saving=self._saving,
            budget=budget,
            folder=folder,
            checkpoints=self._checkpoints,
            progress=progress,
            disk=disk or RoomOnDisk(folder.path, note=progress.note, patience_seconds=0.0),
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
                self._take_on_help()
                self._fill()
                if self._stop.is_immediate:
                    self._halt()
                    break
                if not (self._running or self._has_more):
                    break
                event = self._next_event()
                if event is not None:
                    self._handle(event)
                elif self._budget.is_overdue:
                    self._halt()
                    self._leave_to_the_next_run()
                self._give_up_hung()
                self._give_up_too_long()
            self._saving.save_at_last(may_wait=not self._stop.is_requested)
        except Terminated:  # there is no time; what has ended is in its files, and is entered from them
            raise
        except BaseException:
            with contextlib.suppress(TamizError, sqlalchemy.exc.DBAPIError):  # what goes wrong was wrong before
                self._saving.save_at_last(may_wait=False)
            raise

    def _halt(self) -> None:
        """Let trainings stop amid their epochs, and wait a moment for what is left of them."""
        self._workers.halt()
        until = time.monotonic() + HALT_SECONDS
        while self._running and (left := until - time.monotonic()) > 0:
            if (event := self._workers.next_event(timeout_seconds=left)) is not None:
                self._handle(event)

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
        return bool(self._again) or (not self._exhausted and self._budget.may_start(self._study.started()))

    def _take_up_interrupted(self) -> None:
        for trial in self._study.interrupted():
            record = self._folder.read_trial(trial.number)
            if record is not None:
                self._ends.enter(trial, record)
            elif (running := self._prepare(trial)) is not None:
                running.checkpoint = self._last_checkpoint(running)
                if running.checkpoint is not None:  # the study may have been saved a moment before it
                    self._study.enter(trial, ((done.epoch, done.score) for done in running.checkpoint.reports))
                self._again.append(running)
        if self._again:
            started = self._study.started()
            done, to_go = started - len(self._again), self._budget.left(started)
            self._progress.note(resuming_in_words(self._study.name, self._again, done=done, to_go=to_go))

    def _last_checkpoint(self, running: Running) -> Checkpoint | None:
        checkpoint = self._checkpoints.last(running.number)
        if checkpoint is not None and (checkpoint.recipe, checkpoint.seed) != (running.recipe, running.seed):
            return None  # of a trial with this number in a study that was here before
        return checkpoint

    def _take_on_help(self) -> None:
        if self._helpers is not None:
            self._workers.reinforce(self._helpers.workers())

    def _fill(self) -> None:
        while self._workers.idle and self._has_more and not self._saving.is_blocked:
            if any(running.is_alone for running in self._running.values()):
                return
            if self._again:
                if self._again[0].is_alone and self._running:
                    return
                self._start(self._again.popleft())
            elif (trial := self._study.ask()) is None:
                self._exhausted = True
            elif (running := self._prepare(trial)) is not None:
                self._start(running)

    def _prepare(self, trial: optuna.Trial) -> Running | None:
        running = Running(trial=trial, recipe=None, seed=derive_seed(self._seed, trial.number))
        try:
            running.recipe = self._study.suggest(trial)
        except SpaceError as error:
            message = str(error)
            failure = TrainingFailure(cause="error", message=message.partition("\n")[0], traceback=message)
            self._ends.fail(running, failure, worker="none")
            return None
        return running

    def _start(self, running: Running) -> None:
        task = running.take_up()
        if task.checkpoint is None:
            self._checkpoints.forget(task.trial)
        worker = self._workers.start(task)
        self._running[running.number] = running
        self._watchdog.began(running.number)
        self._trial_time.began(running.number, spent_seconds=sum(report.seconds for report in running.reports))
        self._progress.trial_started(running.number, running.trial.params, worker=worker)
        if running.reports:
            self._progress.epoch_reported(running.number, running.reports[-1], worker=worker)

    def _handle(self, event: Event) -> None:
        match event:
            case EpochReported():
                self._decide(event)
            case CheckpointMade() if event.trial in self._running:
                self._checkpoints.keep(event.trial, event.checkpoint)
            case TrainingPaused() if event.trial in self._running:  # it stays under way in the study
                del self._running[event.trial]
                if event.checkpoint is not None:
                    self._checkpoints.keep(event.trial, event.checkpoint)
            case TrainingEnded() if event.trial in self._running:
                self._ends.end(self._running.pop(event.trial), event.result, worker=str(event.worker))
            case TrainingFailed() if event.trial in self._running:
                self._retry_or_fail(self._running.pop(event.trial), event)
            case Notice():
                self._progress.note(event.line)
            case _:  # a worker became ready
                pass

    def _decide(self, event: EpochReported) -> None:
        running = self._running[event.trial]
        self._watchdog.heard(event.trial, seconds=event.report.seconds)
        if not running.enter(event.report):
            self._checkpoints.forget(event.trial)
            self._progress.note(f"trial {event.trial}: its checkpoint does not fit any more; it is trained anew")
        self._progress.epoch_reported(event.trial, event.report, worker=event.worker)
        decision = self._study.decide(running.trial, event.report)
        if decision is Decision.CONTINUE and self._trial_time.is_over(event.trial, with_seconds=event.report.seconds):
            decision, running.ran_out = Decision.PRUNE, self._trial_time.in_words
        if decision is Decision.CONTINUE and self._is_ending:
            decision = Decision.PAUSE
        running.is_ending = decision is not Decision.CONTINUE
        self._workers.apply(
            event.trial,
            decision,
            keep_model=decision is Decision.FINISH and self._may_win(running),
            make_checkpoint=decision is Decision.CONTINUE and self._is_checkpoint_due(running),
        )

    def _is_checkpoint_due(self, running: Running) -> bool:
        at_stake = running.seconds_at_stake
        if not self._checkpoints.is_due(running.number, seconds_at_stake=at_stake, running=len(self._running)):
            return False
        running.seconds_at_stake = 0.0
        return True

    def _may_win(self, running: Running) -> bool:
        best = self._study.best()
        scores = [report.score for report in running.reports]
        return best is None or best.value is None or any(not self._study.is_better(best.value, s) for s in scores)

    def _retry_or_fail(self, running: Running, event: TrainingFailed) -> None:
        failure, worker = event.failure, str(event.worker)
        allowed = self._budget.attempts(failure)
        if allowed == 1:
            self._ends.fail(running, failure, worker=worker)
            return
        running.lose()
        if running.losses >= allowed:
            given_up = f"{failure.message} - given up after {allowed} attempts without an epoch more"
            self._ends.fail(running, replace(failure, message=given_up), worker=worker)
            return
        running.attempt += 1
        running.is_alone = failure.cause == "host_oom"
        self._folder.write_traceback(running.number, failure.traceback)
        running.checkpoint = self._last_checkpoint(running)
        self._again.append(running)
        place = "the start" if running.checkpoint is None else f"epoch {running.checkpoint.epoch}"
        attempts = f"attempt {running.losses + 1}/{allowed}"
        retrying = "retrying alone" if running.is_alone else "retrying"
        self._progress.note(f"trial {running.number}: {failure.message} - {retrying} from {place} ({attempts})")

    def _give_up_hung(self) -> None:
        listened_to = [number for number, running in self._running.items() if not running.may_be_silent]
        for trial in self._watchdog.hung(listened_to):
            silence = duration(self._watchdog.limit_seconds)
            done = len(self._running[trial].reports)
            epoch = f"epoch {min(done + 1, self._study.epochs)}/{self._study.epochs}"
            message = f"worker reported nothing for {silence} at {epoch} (--trial-stall says how long is too long)"
            self._workers.give_up(trial, TrainingFailure(cause="hung", message=message))
            self._watchdog.began(trial)

    def _give_up_too_long(self) -> None:
        for running in self._running.values():
            if not running.is_ending and self._trial_time.is_over(running.number):
                running.is_ending = True
                failure = TrainingFailure(cause="timeout", message=self._trial_time.in_words)
                self._workers.give_up(running.number, failure)

    def _leave_to_the_next_run(self) -> None:
        """Give up what does not stop at a batch either when the search should be over."""
        for trial in list(self._running):
            done = len(self._running.pop(trial).reports)
            self._workers.give_up(trial, TrainingFailure(cause="timeout", message="the search's time was up"))
            self._progress.note(
                f"trial {trial}: given up in the middle of epoch {done + 1}/{self._study.epochs}, since the search's "
                "time was up; it goes on when the study is continued"
            )
