"""Trials on workers: started, followed, retried after a loss, interrupted when they take too long."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from objectives.messages import Checkpoint, Decision, TrainingFailure
from reports.wording import duration
from search.driver.active_trial import ActiveTrial
from search.driver.recorder import TrialRecorder
from search.trainings.parts import SearchParts
from search.workers.protocol import (
    CheckpointMade,
    EpochReported,
    Event,
    Notice,
    TrainingEnded,
    TrainingFailed,
    TrainingPaused,
)
from search.workers.stalls import attempts_allowed

HALT_SECONDS = 3.0
"""How long trainings may take to stop in mid-epoch: after SIGTERM there are ten seconds for everything."""


class Trainings:
    """The trials that workers train, and those that wait to be trained again."""

    def __init__(self, parts: SearchParts, recorder: TrialRecorder, *, is_ending: Callable[[], bool]) -> None:
        """Begin with none; while the search `is_ending`, trainings pause after their epoch."""
        self._parts = parts
        self._recorder = recorder
        self._is_ending = is_ending
        self._running: dict[int, ActiveTrial] = {}
        self._waiting: deque[ActiveTrial] = deque()

    @property
    def any_running(self) -> bool:
        """Whether a worker trains one."""
        return bool(self._running)

    @property
    def waiting(self) -> tuple[ActiveTrial, ...]:
        """Interrupted trials that wait for a worker, in order."""
        return tuple(self._waiting)

    @property
    def may_start_another(self) -> bool:
        """Whether one more may be trained beside the running ones: not where one is exclusive."""
        if any(active.is_exclusive for active in self._running.values()):
            return False
        return not (self._waiting and self._waiting[0].is_exclusive and self._running)

    def enqueue(self, active: ActiveTrial) -> None:
        """Let an interrupted trial wait for a worker; it resumes from its last checkpoint."""
        active.checkpoint = self._last_checkpoint(active)
        self._waiting.append(active)

    def start_waiting(self) -> None:
        """Resume the trial that has waited longest."""
        self.start(self._waiting.popleft())

    def start(self, active: ActiveTrial) -> None:
        """Give a trial to an idle worker."""
        parts, task = self._parts, active.next_task()
        if task.checkpoint is None:
            parts.checkpoints.forget(task.trial)
        worker = parts.workers.start(task)
        self._running[active.number] = active
        parts.stalls.started(active.number)
        parts.timer.started(active.number, spent_seconds=sum(report.seconds for report in active.reports))
        parts.progress.trial_started(active.number, active.trial.params, worker=worker)
        if active.reports:
            parts.progress.epoch_reported(active.number, active.reports[-1], worker=worker)

    def handle(self, event: Event) -> None:
        """React to an event."""
        match event:
            case EpochReported():
                self._decide(event)
            case CheckpointMade() if event.trial in self._running:
                self._parts.checkpoints.keep(event.trial, event.checkpoint)
            case TrainingPaused() if event.trial in self._running:  # for the study, the trial is still running
                del self._running[event.trial]
                self._parts.progress.trial_paused(event.trial)
                if event.checkpoint is not None:
                    self._parts.checkpoints.keep(event.trial, event.checkpoint)
            case TrainingEnded() if event.trial in self._running:
                self._recorder.complete(self._running.pop(event.trial), event.result, worker=str(event.worker))
            case TrainingFailed() if event.trial in self._running:
                self._retry_or_fail(self._running.pop(event.trial), event)
            case Notice():
                self._parts.progress.note(event.line)
            case _:  # a worker became ready, or an event of an abandoned trial
                pass

    def halt(self) -> None:
        """Interrupt all trainings in mid-epoch, and wait a moment for what is left of them."""
        workers = self._parts.workers
        workers.halt()
        until = time.monotonic() + HALT_SECONDS
        while self._running and (left := until - time.monotonic()) > 0:
            if (event := workers.next_event(timeout_seconds=left)) is not None:
                self.handle(event)

    def abandon(self) -> None:
        """Give up trainings that `halt` did not stop; the next run resumes them."""
        parts = self._parts
        for trial in list(self._running):
            done = len(self._running.pop(trial).reports)
            parts.progress.trial_paused(trial)
            parts.workers.give_up(trial, TrainingFailure(cause="timeout", message="the search timed out"))
            parts.progress.note(
                f"trial {trial}: interrupted in epoch {done + 1}/{parts.study.epochs} (timeout); "
                "the next run continues it"
            )

    def give_up_overdue(self) -> None:
        """Give up trainings that are stalled or take too long; call it every second or so."""
        self._give_up_stalled()
        for active in self._running.values():
            if not active.is_ending and self._parts.timer.is_over(active.number):
                active.is_ending = True
                failure = TrainingFailure(cause="timeout", message=self._parts.timer.reason)
                self._parts.workers.give_up(active.number, failure)

    def _give_up_stalled(self) -> None:
        parts = self._parts
        watched = [number for number, active in self._running.items() if not active.may_be_silent]
        for trial in parts.stalls.stalled(watched):
            silence = duration(parts.stalls.limit_seconds)
            done = len(self._running[trial].reports)
            epoch = f"epoch {min(done + 1, parts.study.epochs)}/{parts.study.epochs}"
            message = f"worker reported nothing for {silence} at {epoch} (--trial-stall limits this)"
            parts.workers.give_up(trial, TrainingFailure(cause="hung", message=message))
            parts.stalls.started(trial)  # not abandoned again before its failure arrives

    def _decide(self, event: EpochReported) -> None:
        parts, active = self._parts, self._running[event.trial]
        parts.stalls.reported(event.trial, seconds=event.report.seconds)
        if not active.add_report(event.report):
            parts.checkpoints.forget(event.trial)
            parts.progress.note(f"trial {event.trial}: checkpoint is incompatible; restarting the trial")
        parts.progress.epoch_reported(event.trial, event.report, worker=event.worker)
        decision = parts.study.decide(active.trial, event.report)
        if decision is Decision.CONTINUE and parts.timer.is_over(event.trial, with_seconds=event.report.seconds):
            decision, active.timeout_reason = Decision.PRUNE, parts.timer.reason
        if decision is Decision.CONTINUE and self._is_ending():
            decision = Decision.PAUSE
        active.is_ending = decision is not Decision.CONTINUE
        parts.workers.apply(
            event.trial,
            decision,
            keep_model=decision is Decision.FINISH and self._is_model_wanted(active),
            make_checkpoint=decision is Decision.CONTINUE and self._is_checkpoint_due(active),
        )

    def _is_model_wanted(self, active: ActiveTrial) -> bool:
        assert active.recipe is not None
        scores = (report.score for report in active.reports)
        return self._parts.models.is_wanted(
            active.number, recipe=active.recipe, scores=scores, baseline=active.baseline, start=active.start
        )

    def _is_checkpoint_due(self, active: ActiveTrial) -> bool:
        unsaved, running = active.unsaved_seconds, len(self._running)
        if not self._parts.checkpoints.is_due(active.number, unsaved_seconds=unsaved, running=running):
            return False
        active.unsaved_seconds = 0.0
        return True

    def _retry_or_fail(self, active: ActiveTrial, event: TrainingFailed) -> None:
        failure, worker = active.with_batch_size(event.failure), str(event.worker)
        allowed = attempts_allowed(failure)
        if allowed == 1:
            self._recorder.fail(active, failure, worker=worker)
            return
        active.count_loss()
        if active.losses >= allowed:
            attempts = f"{allowed} attempts without another epoch"
            message = f"{failure.message} - abandoned after {attempts}; see trials/{active.number:04d}"
            self._recorder.fail(active, replace(failure, message=message), worker=worker)
            return
        active.attempt += 1
        active.is_exclusive = failure.cause == "host_oom" and bool(self._running)
        self._parts.folder.write_traceback(active.number, failure.traceback)
        self.enqueue(active)
        place = "the start" if active.checkpoint is None else f"epoch {active.checkpoint.epoch}"
        attempts = f"attempt {active.losses + 1}/{allowed}"
        retrying = "retrying exclusively" if active.is_exclusive else "retrying"
        self._parts.progress.note(f"trial {active.number}: {failure.message} - {retrying} from {place} ({attempts})")

    def _last_checkpoint(self, active: ActiveTrial) -> Checkpoint | None:
        checkpoint = self._parts.checkpoints.last(active.number)
        if checkpoint is not None and (checkpoint.recipe, checkpoint.seed) != (active.recipe, active.seed):
            return None  # left by another study that used this folder
        return checkpoint
