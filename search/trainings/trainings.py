"""Trainings on workers: started, followed, retried after a loss, interrupted when they take too long."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace
from typing import Generic, Protocol, TypeVar

from objectives.messages import Checkpoint, Decision, EpochReport, TrainingFailure, TrainingResult
from reports.wording import duration
from search.trainings.active import ActiveTraining
from search.trainings.parts import SearchParts
from search.workers.protocol import (
    CheckpointMade,
    EpochReported,
    Event,
    Notice,
    TrainingEnded,
    TrainingFailed,
    TrainingPaused,
    WorkerReady,
)
from search.workers.stalls import attempts_allowed

HALT_SECONDS = 3.0
"""How long trainings may take to stop in mid-epoch: after SIGTERM there are ten seconds for everything."""


A = TypeVar("A", bound=ActiveTraining)
A_contra = TypeVar("A_contra", bound=ActiveTraining, contravariant=True)


class Owner(Protocol[A_contra]):
    """What wants the trainings: it decides after each epoch, and records how they end."""

    @property
    def is_ending(self) -> bool:
        """Whether trainings pause after their epoch."""

    def decide(self, active: A_contra, report: EpochReport) -> Decision:
        """Return what becomes of a training after an epoch, as far as limits of time do not say otherwise."""

    def wants_model(self, active: A_contra) -> bool:
        """Whether the model of a training that has reached its last epoch is kept."""

    def complete(self, active: A_contra, result: TrainingResult, *, worker: str) -> None:
        """Record a training that ended in order."""

    def fail(self, active: A_contra, failure: TrainingFailure, *, worker: str) -> None:
        """Record a training that failed for good."""


class Trainings(Generic[A]):
    """The trainings that workers run, and those that wait to be continued."""

    def __init__(self, parts: SearchParts, owner: Owner[A]) -> None:
        """Begin with none."""
        self._parts = parts
        self._owner = owner
        self._running: dict[int, A] = {}
        self._waiting: deque[A] = deque()

    @property
    def any_running(self) -> bool:
        """Whether a worker trains one."""
        return bool(self._running)

    @property
    def waiting(self) -> tuple[A, ...]:
        """Interrupted trainings that wait for a worker, in order."""
        return tuple(self._waiting)

    @property
    def may_start_another(self) -> bool:
        """Whether one more may be trained beside the running ones: not where one is exclusive."""
        if any(active.is_exclusive for active in self._running.values()):
            return False
        return not (self._waiting and self._waiting[0].is_exclusive and self._running)

    def enqueue(self, active: A) -> None:
        """Let an interrupted training wait for a worker; it resumes from its last checkpoint."""
        active.checkpoint = self._last_checkpoint(active)
        self._waiting.append(active)

    def start_waiting(self) -> None:
        """Resume the training that has waited longest."""
        self.start(self._waiting.popleft())

    def start(self, active: A) -> None:
        """Give a training to an idle worker."""
        parts, task = self._parts, active.next_task()
        if task.checkpoint is None:
            parts.checkpoints.forget(active.place)
        worker = parts.workers.start(task)
        self._running[active.number] = active
        parts.stalls.started(active.number)
        if active.is_limited:
            parts.timer.started(active.number, spent_seconds=sum(report.seconds for report in active.reports))
        parts.progress.trial_started(
            active.number, active.params, worker=worker, title=active.title, epochs=active.epochs
        )
        if active.reports:
            parts.progress.epoch_reported(active.number, active.shown(active.reports[-1]), worker=worker)

    def handle(self, event: Event) -> None:
        """React to an event."""
        match event:
            case EpochReported():
                self._decide(event)
            case CheckpointMade() if event.trial in self._running:
                self._keep(self._running[event.trial], event.checkpoint)
            case TrainingPaused() if event.trial in self._running:  # for the study, the trial is still running
                self._parts.progress.trial_paused(event.trial)
                self._keep(self._running.pop(event.trial), event.checkpoint)
            case TrainingEnded() if event.trial in self._running:
                self._owner.complete(self._ended(event), event.result, worker=str(event.worker))
            case TrainingFailed() if event.trial in self._running:
                self._retry_or_fail(self._ended(event), event)
            case WorkerReady():
                for line in self._parts.devices.add(event):
                    is_warning = line.startswith("warning: ")
                    (self._parts.progress.note if is_warning else self._parts.progress.info)(line)
            case Notice():
                self._parts.progress.note(event.line)
            case _:  # an event of an abandoned trial
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
            active = self._running.pop(trial)
            done = len(active.reports)
            parts.progress.trial_paused(trial)
            parts.workers.give_up(trial, TrainingFailure(cause="timeout", message="the search timed out"))
            parts.progress.note(
                f"{active.title}: interrupted in epoch {done + 1}/{active.epochs} (timeout); the next run continues it"
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
            active = self._running[trial]
            epoch = f"epoch {min(len(active.reports) + 1, active.epochs)}/{active.epochs}"
            message = f"worker reported nothing for {silence} at {epoch} (--trial-stall limits this)"
            parts.workers.give_up(trial, TrainingFailure(cause="hung", message=message))
            parts.stalls.started(trial)  # not abandoned again before its failure arrives

    def _decide(self, event: EpochReported) -> None:
        parts, active = self._parts, self._running[event.trial]
        parts.stalls.reported(event.trial, seconds=event.report.seconds)
        if not active.add_report(event.report):
            parts.checkpoints.forget(active.place)
            parts.progress.note(f"{active.title}: checkpoint is incompatible; restarting the trial")
        parts.progress.epoch_reported(event.trial, active.shown(event.report), worker=event.worker)
        decision = self._owner.decide(active, event.report)
        if decision is Decision.CONTINUE and parts.timer.is_over(event.trial, with_seconds=event.report.seconds):
            decision, active.timeout_reason = Decision.PRUNE, parts.timer.reason
        if decision is Decision.CONTINUE and self._owner.is_ending:
            decision = Decision.PAUSE
        active.is_ending = decision is not Decision.CONTINUE
        parts.workers.apply(
            event.trial,
            decision,
            keep_model=decision is Decision.FINISH and self._owner.wants_model(active),
            make_checkpoint=decision is Decision.CONTINUE and self._is_checkpoint_due(active),
        )

    def _is_checkpoint_due(self, active: A) -> bool:
        unsaved, running = active.unsaved_seconds, len(self._running)
        if not self._parts.checkpoints.is_due(active.place, unsaved_seconds=unsaved, running=running):
            return False
        active.unsaved_seconds = 0.0
        return True

    def _ended(self, event: TrainingEnded | TrainingFailed) -> A:
        active = self._running.pop(event.trial)
        active.device = self._parts.devices.of(event.worker)
        return active

    def _retry_or_fail(self, active: A, event: TrainingFailed) -> None:
        failure, worker = active.with_batch_size(event.failure), str(event.worker)
        if failure.cause == "gpu_oom" and failure.shares_gpu:  # the others may be to blame: the sampler learns nothing
            active.needs_whole_gpu = active.is_exclusive = True
            self._retry(active, failure, "retrying with the whole GPU")
            return
        allowed = attempts_allowed(failure)
        if allowed == 1:
            self._owner.fail(active, failure, worker=worker)
            return
        active.count_loss()
        if active.losses >= allowed:
            attempts = f"{allowed} attempts without another epoch"
            message = f"{failure.message} - abandoned after {attempts}; see {active.place}"
            self._owner.fail(active, replace(failure, message=message), worker=worker)
            return
        active.is_exclusive = active.needs_whole_gpu or (failure.cause == "host_oom" and bool(self._running))
        retrying = "retrying exclusively" if active.is_exclusive else "retrying"
        self._retry(active, failure, retrying, attempts=f" (attempt {active.losses + 1}/{allowed})")

    def _retry(self, active: A, failure: TrainingFailure, retrying: str, *, attempts: str = "") -> None:
        active.attempt += 1
        self._parts.folder.write_traceback(active.place, failure.traceback)
        self.enqueue(active)
        place = "the start" if active.checkpoint is None else f"epoch {active.checkpoint.epoch}"
        self._parts.progress.note(f"{active.title}: {failure.message} - {retrying} from {place}{attempts}")

    def _keep(self, active: A, checkpoint: Checkpoint | None) -> None:
        if checkpoint is not None:
            self._parts.checkpoints.keep(active.place, checkpoint)

    def _last_checkpoint(self, active: A) -> Checkpoint | None:
        checkpoint = self._parts.checkpoints.last(active.place, title=active.title)
        if checkpoint is not None and (checkpoint.recipe, checkpoint.seed) != (active.recipe, active.seed):
            return None  # left by another study that used this folder
        return checkpoint
