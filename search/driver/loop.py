"""The search loop: which recipe next, on which worker, until when."""

from __future__ import annotations

import contextlib
import math
import time

import optuna

from objectives.messages import Decision, EpochReport, TrainingFailure, TrainingResult
from reports.wording import duration
from search.algorithms.samplers import derive_seed
from search.driver.active_trial import ActiveTrial, active_trial, resumed_line
from search.driver.preset import PresetTrials
from search.driver.recorder import TrialRecorder
from search.results.stagnation import Stagnation, find_stagnation
from search.results.summary import TIMED_OUT
from search.system.signals import Terminated
from search.trainings.parts import SearchParts
from search.trainings.trainings import Trainings
from search.winner.share import keep_share
from spaces.errors import ImpossibleChoiceError, SpaceError, TamizError, first_line
from spaces.recipe import Recipe

SAVE_SECONDS = 0.05
"""The study is saved this often at most, since saving takes time; where epochs are long, after each event."""


class Search:
    """One run of a study: asks for trials, gives them to workers, decides, records."""

    def __init__(self, parts: SearchParts) -> None:
        self._parts = parts
        self._recorder = TrialRecorder(parts)
        self._trainings = Trainings[ActiveTrial](parts, self)
        self._is_exhausted = False
        self._preset_trials = PresetTrials(parts)
        self._saved_at = -math.inf
        self._stagnation: Stagnation | None = None
        self._judged = -1
        """Number of ended trials that `_stagnation` follows from."""
        self._is_timed_out = False
        self._ending = ""
        """The phase of trainings that end early; empty: they do not."""

    def run(self) -> None:
        """Search until the budget is spent, the score is good enough, or a stop is requested.

        Trials that run at an early end stay so in the study; the next run resumes them at their epoch.

        Raises:
            NothingCompletedError: everything fails in the same way.
            StorageError: the disk failed, or the study's database was unavailable for too long.
            StudyConflictError: another program adds trials to the study.
        """
        parts, trainings = self._parts, self._trainings
        try:
            self._resume_interrupted()
            while True:
                self._fill()
                if parts.stop.is_immediate:
                    trainings.halt()
                    break
                if not (trainings.any_running or self._has_more):
                    break
                self._show_ending()
                event = None
                if (wait := self._saved_at + SAVE_SECONDS - time.monotonic()) > 0:
                    event = parts.workers.next_event(timeout_seconds=wait)
                if event is None:  # save before a wait that may be long
                    parts.saver.save()
                    self._saved_at = time.monotonic()
                    event = parts.workers.next_event(timeout_seconds=1.0)
                if event is not None:
                    trainings.handle(event)
                elif parts.budget.is_overdue:
                    self._show_ending()
                    trainings.halt()
                    trainings.abandon()
                trainings.give_up_overdue()
            has_more = parts.budget.left(parts.study.started()) or parts.study.interrupted()
            self._is_timed_out = parts.budget.is_over and bool(has_more)
            parts.saver.save_at_last(may_wait=not parts.stop.is_requested)
        except Terminated:  # no time is left; finished trials are on disk, and the next run enters them
            raise
        except BaseException:
            with contextlib.suppress(TamizError):  # the first error is the one to report
                parts.saver.save_at_last(may_wait=False)
            raise

    def decide(self, active: ActiveTrial, report: EpochReport) -> Decision:
        """Enter an epoch's score and decide whether the trial continues."""
        assert active.recipe is not None
        return self._parts.study.decide(active.trial, report, recipe=active.recipe)

    def wants_model(self, active: ActiveTrial) -> bool:
        """Whether the model of a trial that has reached its last epoch is kept."""
        assert active.recipe is not None
        scores = (report.score for report in active.reports)
        return self._parts.models.is_wanted(
            active.number, recipe=active.recipe, scores=scores, baseline=active.baseline, start=active.start
        )

    def complete(self, active: ActiveTrial, result: TrainingResult, *, worker: str) -> None:
        """Record a trial that ended in order; see `TrialRecorder.complete`."""
        self._recorder.complete(active, result, worker=worker)
        seconds = result.seconds_training + result.seconds_building
        keep_share(self._parts, self._recorder.ended)
        self._preset_trials.ended(seconds=seconds, is_complete=result.epochs >= self._parts.study.epochs)

    def fail(self, active: ActiveTrial, failure: TrainingFailure, *, worker: str) -> None:
        """Record a trial that failed for good; see `TrialRecorder.fail`."""
        self._recorder.fail(active, failure, worker=worker)

    @property
    def is_good_enough(self) -> bool:
        """Whether a trial reached the score of `--until`."""
        study, until = self._parts.study, self._parts.settings.until
        best = study.best() if until is not None else None
        if until is None or best is None or best.value is None:
            return False
        return best.value == until or study.is_better(best.value, until)

    @property
    def ended_early(self) -> str | None:
        """Why the search ended before its number of trials, in words; None: it did not."""
        if self.is_good_enough:
            return f"the score reached {self._parts.settings.until}"
        if (stagnation := self._find_stagnation()) is not None:
            return stagnation.reason
        if self._is_timed_out:
            return TIMED_OUT
        return self._parts.study.exhaustion if self._has_tried_all else None

    @property
    def _has_tried_all(self) -> bool:
        """Whether the space, or the design, has no more trials."""
        study, wanted = self._parts.study, self._parts.settings.trials
        is_whole_design = study.total(wanted) < wanted and study.started() >= study.total(wanted)
        return (self._is_exhausted or is_whole_design) and not study.interrupted()

    @property
    def is_ending(self) -> bool:
        """Whether trials pause after their epoch, and none starts."""
        parts = self._parts
        if parts.stop.is_requested or parts.budget.is_over or self.is_good_enough:
            return True
        return self._find_stagnation() is not None

    def _find_stagnation(self) -> Stagnation | None:
        """Return how the study has stopped improving, computed once for each trial that ends."""
        ended = self._recorder.ended
        if len(ended) != self._judged:
            self._judged, self._stagnation = len(ended), find_stagnation(vars(self._parts.settings), ended)
        return self._stagnation

    def _show_ending(self) -> None:
        if not self.is_ending:
            return
        budget, reason = self._parts.budget, "stopping"
        if not self._parts.stop.is_requested:
            reason = "time is up" if budget.is_over else "the score is reached"
            if self._find_stagnation() is not None:
                reason = "no gain is expected"
        line = f"{reason}: {'interrupting' if budget.is_overdue else 'finishing'} the current epochs"
        if line != self._ending:
            if not self._ending and budget.is_over and budget.reserved_seconds:
                kept = f"{duration(round(budget.reserved_seconds))} of --timeout"
                self._parts.progress.info(f"{kept} are kept for confirming and measuring the winner, as estimated")
            self._ending = line
            self._parts.progress.phase(line)

    @property
    def _has_more(self) -> bool:
        if self.is_ending:
            return False
        if self._trainings.waiting:
            return True
        return not self._is_exhausted and self._parts.budget.may_start(self._parts.study.started())

    def _resume_interrupted(self) -> None:
        parts = self._parts
        for trial in parts.study.interrupted():
            record = parts.folder.read_trial(trial.number)
            if record is not None:
                self._recorder.recover(trial, record)
            elif (active := self._prepare(trial)) is not None:
                self._trainings.enqueue(active)
                if active.checkpoint is not None:  # the study may have been saved before these epochs
                    parts.study.enter(trial, ((done.epoch, done.score) for done in active.checkpoint.reports))
        if waiting := self._trainings.waiting:
            started = parts.study.started()
            done, to_go = started - len(waiting), parts.budget.left(started)
            parts.progress.note(resumed_line(parts.study.name, waiting, done=done, to_go=to_go))

    def _fill(self) -> None:
        parts, trainings = self._parts, self._trainings
        while parts.workers.idle and self._has_more and not parts.saver.is_blocked:
            if not trainings.may_start_another:
                return
            if trainings.waiting:
                trainings.start_waiting()
            elif (trial := parts.study.ask()) is None:
                self._is_exhausted = True
            elif (active := self._prepare(trial)) is not None:
                trainings.start(active)

    def _prepare(self, trial: optuna.Trial) -> ActiveTrial | None:
        """Let the space choose a recipe; None: it could not, which is recorded."""
        try:
            return self._active(trial, self._parts.study.suggest(trial))
        except ImpossibleChoiceError as error:
            self._recorder.reject(self._active(trial, None), TrainingFailure(cause="invalid", message=str(error)))
        except SpaceError as error:
            failure = TrainingFailure(cause="error", message=first_line(error), traceback=str(error))
            self._recorder.fail(self._active(trial, None), failure, worker="none")
        return None

    def _active(self, trial: optuna.Trial, recipe: Recipe | None) -> ActiveTrial:
        seed = derive_seed(self._parts.settings.seed, trial.number)
        return active_trial(trial, recipe=recipe, seed=seed, epochs=self._parts.study.epochs)
