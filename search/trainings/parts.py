"""What the loop, its trainings and its recorder share."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from objectives.evaluation.metrics import METRICS
from objectives.messages import Objective, StudyData
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
from search.workers.devices import DevicesInUse
from search.workers.protocol import WorkerFactory, Workers
from search.workers.stalls import StallDetector


@dataclass(frozen=True, kw_only=True, eq=False)
class SearchParts:
    """The collaborators of one search."""

    settings: RunSettings
    study: Study
    workers: Workers
    folder: RunFolder
    progress: Progress
    stop: StopRequest
    budget: TrialBudget
    timer: TrialTimer
    stalls: StallDetector
    checkpoints: Checkpoints
    models: KeptModels
    saver: RetryingSaver
    disk: DiskGuard
    devices: DevicesInUse = field(default_factory=DevicesInUse)


def assemble(
    settings: RunSettings,
    study: Study,
    data: StudyData,
    *,
    corrects_averages: bool,
    began: float,
    make_workers: WorkerFactory,
    folder: RunFolder,
    stop: StopRequest,
    progress: Progress,
) -> SearchParts:
    """Return the parts of a run that began at this time of the monotonic clock; its workers start at once."""
    budget = TrialBudget(
        trials=study.total(settings.trials),
        timeout_seconds=settings.timeout_seconds,
        spent_seconds=time.monotonic() - began,
    )
    timer = TrialTimer(limit_seconds=settings.trial_timeout_seconds)
    workers = make_workers(
        data=data,
        objective=Objective(metric=settings.metric, epochs=settings.epochs, corrects_averages=corrects_averages),
        is_halted=lambda trial: stop.is_immediate or budget.is_overdue or timer.is_over(trial),
    )
    wait_seconds = settings.storage_wait_seconds
    disk = DiskGuard(folder.path, note=progress.note, wait_seconds=wait_seconds, is_stopping=lambda: stop.is_requested)
    return SearchParts(
        settings=settings,
        study=study,
        workers=workers,
        folder=folder,
        progress=progress,
        stop=stop,
        budget=budget,
        timer=timer,
        stalls=StallDetector(stall_seconds=settings.trial_stall_seconds),
        checkpoints=Checkpoints(folder.path, progress),
        models=KeptModels(folder, METRICS[settings.metric].direction),
        saver=RetryingSaver(study, note=progress.note, wait_seconds=wait_seconds, disk=disk),
        disk=disk,
        devices=DevicesInUse(settings.device),
    )
