"""What the loop, its trainings and its recorder share."""

from __future__ import annotations

from dataclasses import dataclass

from search.driver.checkpoints import Checkpoints
from search.driver.limits import TrialBudget, TrialTimer
from search.progress.protocol import Progress
from search.results.run_folder import RunFolder
from search.settings import RunSettings
from search.storage.retry import RetryingSaver
from search.study.study import Study
from search.system.disk import DiskGuard
from search.system.signals import StopRequest
from search.workers.protocol import Workers
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
    saver: RetryingSaver
    disk: DiskGuard
