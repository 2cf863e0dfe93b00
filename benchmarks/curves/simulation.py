"""Searches in simulated time: the real loop, study and pruner, on workers that report curves of earlier trainings."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import optuna

from benchmarks.instant_workers import SimulatedWorkers
from objectives.evaluation.metrics import Direction
from objectives.messages import (
    Decision,
    EpochReport,
    Predictions,
    TrainingFailure,
    TrainingResult,
    TrainingTask,
)
from reports.stored.records import TrialRecord
from search.driver.loop import Search
from search.progress.protocol import Progress
from search.results.run_folder import RunFolder
from search.settings import RunSettings
from search.storage.retry import RetryingSaver
from search.study.study import Study
from search.system.disk import DiskGuard
from search.system.signals import StopRequest
from search.trainings.checkpoints import Checkpoints
from search.trainings.kept_models import KeptModels
from search.trainings.limits import TrialBudget, TrialTimer
from search.trainings.parts import SearchParts
from search.workers.protocol import EpochReported, Event, TrainingEnded, TrainingFailed, TrainingPaused
from search.workers.stalls import StallDetector
from spaces.catalogue import find_space
from spaces.parameters import recipe_for
from spaces.recipe import ImageShape, Recipe
from spaces.suggest import Suggest

WORKERS = 2
SCHEDULES = ("constant", "cosine", "one_cycle", "step")

T = TypeVar("T")

_images = ImageShape(height=8, width=8, channels=1)
_classes = 10
_space = find_space("cnn_cifar")
_recipe = recipe_for(_space, next(iter(_space.starts.values())), images=_images, classes=_classes)
_none = np.zeros(0, np.int32)
_no_predictions = Predictions(probabilities=np.zeros((0, _classes), np.float32), labels=_none, images=_none)


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One training."""

    recipe: str
    """The same for trainings that differ in their seed alone."""
    schedule: str
    """One of `SCHEDULES`."""
    warmup: float = 0.0
    scores: tuple[float, ...]
    """Validation accuracy after each epoch; fewer than the search's epochs where it diverged."""
    seconds: tuple[float, ...]
    """Of each epoch."""
    is_start: bool = False
    """Whether it is one of the space's starts or baselines, which a search tries first."""

    @property
    def final(self) -> float:
        """The score of the whole training: of its best epoch, as in the product."""
        return max(self.scores)


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A trial that ended."""

    curve: Curve
    epochs: int
    at_seconds: float
    """Since the search began."""
    is_complete: bool


@dataclass(kw_only=True)
class CurveWorkers(SimulatedWorkers):
    """Workers in simulated time: each takes the seconds of the table, and `now` is the time of the latest event."""

    curves: Sequence[Curve]
    """That of each trial, by number."""
    now: float = 0.0
    count: int = WORKERS
    _events: list[tuple[float, int, Event]] = field(default_factory=list)
    _epochs: dict[int, int] = field(default_factory=dict)
    """Epochs done or under way of each running trial."""
    _made: int = 0

    @property
    def idle(self) -> int:
        """How many could take a task."""
        return self.count - len(self._epochs)

    def start(self, task: TrainingTask) -> int:
        """Begin the first epoch."""
        self._epochs[task.trial] = 0
        self._advance(task.trial)
        return 0

    def apply(self, trial: int, decision: Decision, *, keep_model: bool = False, make_checkpoint: bool = False) -> None:
        """Begin the next epoch, or end at once."""
        if decision is Decision.CONTINUE:
            self._advance(trial)
        elif decision is Decision.PAUSE:
            self._add(self.now, TrainingPaused(worker=0, trial=trial, checkpoint=None))
        else:
            self._add(self.now, TrainingEnded(worker=0, trial=trial, result=self._result(trial)))

    def next_event(self, timeout_seconds: float) -> Event | None:
        """Go on to the next event's time and return it."""
        if not self._events:
            return None
        self.now, _, event = heapq.heappop(self._events)
        if isinstance(event, TrainingEnded | TrainingFailed | TrainingPaused):
            del self._epochs[event.trial]
        return event

    def _advance(self, trial: int) -> None:
        curve, done = self.curves[trial], self._epochs[trial]
        if done == len(curve.scores):
            failure = TrainingFailure(cause="diverged", message="loss became NaN")
            self._add(self.now + curve.seconds[-1], TrainingFailed(worker=0, trial=trial, failure=failure))
            return
        self._epochs[trial] = done + 1
        report = EpochReport(epoch=done + 1, score=curve.scores[done], metrics={}, seconds=curve.seconds[done])
        self._add(self.now + report.seconds, EpochReported(worker=0, trial=trial, report=report))

    def _add(self, time: float, event: Event) -> None:
        self._made += 1
        heapq.heappush(self._events, (time, self._made, event))

    def _result(self, trial: int) -> TrainingResult:
        curve, epochs = self.curves[trial], self._epochs[trial]
        score = max(curve.scores[:epochs])
        return TrainingResult(
            score=score,
            best_epoch=curve.scores.index(score) + 1,
            epochs=epochs,
            parameters=1,
            seconds_building=0.0,
            seconds_training=sum(curve.seconds[:epochs]),
            predictions=_no_predictions,
            model=None,
        )


def search(
    curves: Sequence[Curve],
    *,
    pruner: optuna.pruners.BasePruner,
    epochs: int,
    timeout_seconds: float | None,
    folder: Path,
    waits_for_rates: bool = True,
) -> list[Ended]:
    """Search among given trainings, in their order, and return the trials that ended, in time.

    Args:
        curves: of the first trial, the second ...
        pruner: decides which trainings end early.
        epochs: of a training that is not pruned.
        timeout_seconds: simulated time after which the search ends; None: when all were tried.
        folder: is not written to.
        waits_for_rates: whether no trial is stopped while its learning rate rises, as in the product.
    """
    settings = RunSettings(
        space="cnn_cifar", study="replay", data="digits", sampler="random", trials=len(curves), epochs=epochs
    )
    workers = CurveWorkers(curves=curves)
    progress = _Ends(workers)
    study = _study(curves, pruner, settings, waits_for_rates=waits_for_rates)
    run_folder = RunFolder(path=folder)
    parts = SearchParts(
        settings=settings,
        study=study,
        workers=workers,
        folder=run_folder,
        progress=progress,
        stop=StopRequest(progress.note),
        budget=TrialBudget(trials=len(curves), timeout_seconds=timeout_seconds, clock=lambda: workers.now),
        timer=TrialTimer(clock=lambda: workers.now),
        stalls=StallDetector(),
        checkpoints=Checkpoints(run_folder.path, progress),
        models=KeptModels(run_folder, Direction.MAXIMIZE),
        saver=RetryingSaver(study, note=progress.note),
        disk=_NoDisk(folder, note=progress.note, wait_seconds=0.0),
    )
    Search(parts).run()
    return progress.ends


def _study(
    curves: Sequence[Curve], pruner: optuna.pruners.BasePruner, settings: RunSettings, *, waits_for_rates: bool
) -> Study:
    study = optuna.create_study(study_name="replay", direction="maximize", pruner=pruner)
    for curve in curves:
        study.enqueue_trial({"schedule": curve.schedule, "warmup": curve.warmup})
    space = replace(_space, suggest=_suggest if waits_for_rates else _suggest_constant, baselines={}, starts={})
    return Study(study, space=space, parameters=(), settings=settings, images=_images, classes=_classes)


def _suggest(trial: Suggest) -> Recipe:
    """Choose how the learning rate changes, the only thing beside the scores that decides which trial is stopped."""
    schedule = trial.suggest_categorical("schedule", SCHEDULES)
    return replace(_recipe, fit=replace(_recipe.fit, schedule=schedule, warmup=trial.suggest_float("warmup", 0.0, 1.0)))


def _suggest_constant(trial: Suggest) -> Recipe:
    """Choose the same, but train with a rate that does not rise."""
    recipe = _suggest(trial)
    return replace(recipe, fit=replace(recipe.fit, schedule="constant", warmup=0.0))


class _Ends(Progress):
    """Keeps which trial ended when."""

    def __init__(self, workers: CurveWorkers) -> None:
        self.ends: list[Ended] = []
        self._workers = workers

    def trial_ended(self, record: TrialRecord) -> None:
        """Keep it."""
        curve = self._workers.curves[record.trial]
        self.ends.append(
            Ended(
                curve=curve,
                epochs=record.epochs,
                at_seconds=self._workers.now,
                is_complete=record.state == "COMPLETE",
            )
        )


class _NoDisk(DiskGuard):
    """Writes nothing: the loop's files are of no use here."""

    def write(self, act: Callable[[], T]) -> T:
        """Leave it out."""
        return None  # type: ignore[return-value]
