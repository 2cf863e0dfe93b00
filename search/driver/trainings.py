"""The trainings under way: begun, listened to, tried again after a loss, and given up when they take too long."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from objectives.messages import Checkpoint, Decision, TrainingFailure
from search.driver.active_trial import Running
from search.driver.budget import Budget
from search.driver.checkpoints import Checkpoints
from search.driver.recorder import TrialEnds
from search.driver.trial_time import TrialTime
from search.driver.watchdog import Watchdog
from search.progress.protocol import Progress
from search.results.run_folder import RunFolder
from search.study.study import Study
from search.wording import (
    duration,
)
from search.workers.protocol import (
    CheckpointMade,
    EpochReported,
    Event,
    Notice,
    TrainingEnded,
    TrainingFailed,
    TrainingPaused,
    Workers,
)

HALT_SECONDS = 3.0
"""So long trainings may take to stop amid their epochs: SIGTERM leaves ten seconds for everything."""


class Trainings:
    """What workers train for a search, and what waits to be trained again."""

    def __init__(
        self,
        *,
        study: Study,
        workers: Workers,
        budget: Budget,
        folder: RunFolder,
        checkpoints: Checkpoints,
        ends: TrialEnds,
        progress: Progress,
        watchdog: Watchdog,
        trial_time: TrialTime,
        is_ending: Callable[[], bool],
    ) -> None:
        """Begin with none; where the search `is_ending`, trainings pause after their epoch."""
        self._study = study
        self._workers = workers
        self._budget = budget
        self._folder = folder
        self._checkpoints = checkpoints
        self._ends = ends
        self._progress = progress
        self._watchdog = watchdog
        self._trial_time = trial_time
        self._is_ending = is_ending
        self._running: dict[int, Running] = {}
        self._waiting: deque[Running] = deque()

    @property
    def any_under_way(self) -> bool:
        """Whether a worker trains one."""
        return bool(self._running)

    @property
    def waiting(self) -> tuple[Running, ...]:
        """Those that were interrupted and wait for a worker, in turn."""
        return tuple(self._waiting)

    @property
    def may_begin_another(self) -> bool:
        """Whether one more may be trained beside those under way: not where one has to be alone."""
        if any(running.is_alone for running in self._running.values()):
            return False
        return not (self._waiting and self._waiting[0].is_alone and self._running)

    def take_up(self, running: Running) -> None:
        """Let one that was interrupted wait for a worker, at the epoch of its last checkpoint."""
        running.checkpoint = self._last_checkpoint(running)
        self._waiting.append(running)

    def begin_waiting(self) -> None:
        """Go on with the one that waits longest."""
        self.begin(self._waiting.popleft())

    def begin(self, running: Running) -> None:
        """Give one to a worker that is idle."""
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

    def handle(self, event: Event) -> None:
        """Do what an event asks for."""
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

    def halt(self) -> None:
        """Let trainings stop amid their epochs, and wait a moment for what is left of them."""
        self._workers.halt()
        until = time.monotonic() + HALT_SECONDS
        while self._running and (left := until - time.monotonic()) > 0:
            if (event := self._workers.next_event(timeout_seconds=left)) is not None:
                self.handle(event)

    def give_up_late(self) -> None:
        """Give up what is silent, or has been trained, for too long; to be asked every second or so."""
        self._give_up_hung()
        self._give_up_too_long()

    def leave_to_the_next_run(self) -> None:
        """Give up what does not stop at a batch either when the search should be over."""
        for trial in list(self._running):
            done = len(self._running.pop(trial).reports)
            self._workers.give_up(trial, TrainingFailure(cause="timeout", message="the search's time was up"))
            self._progress.note(
                f"trial {trial}: given up in the middle of epoch {done + 1}/{self._study.epochs}, since the search's "
                "time was up; it goes on when the study is continued"
            )

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
        if decision is Decision.CONTINUE and self._is_ending():
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
        failure, worker = running.explained(event.failure), str(event.worker)
        allowed = self._budget.attempts(failure)
        if allowed == 1:
            self._ends.fail(running, failure, worker=worker)
            return
        running.lose()
        if running.losses >= allowed:
            attempts = f"{allowed} attempts without an epoch more"
            given_up = f"{failure.message} - given up after {attempts}; see trials/{running.number:04d}"
            self._ends.fail(running, replace(failure, message=given_up), worker=worker)
            return
        running.attempt += 1
        running.is_alone = failure.cause == "host_oom"
        self._folder.write_traceback(running.number, failure.traceback)
        self.take_up(running)
        place = "the start" if running.checkpoint is None else f"epoch {running.checkpoint.epoch}"
        attempts = f"attempt {running.losses + 1}/{allowed}"
        retrying = "retrying alone" if running.is_alone else "retrying"
        self._progress.note(f"trial {running.number}: {failure.message} - {retrying} from {place} ({attempts})")

    def _last_checkpoint(self, running: Running) -> Checkpoint | None:
        checkpoint = self._checkpoints.last(running.number)
        if checkpoint is not None and (checkpoint.recipe, checkpoint.seed) != (running.recipe, running.seed):
            return None  # of a trial with this number in a study that was here before
        return checkpoint

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
