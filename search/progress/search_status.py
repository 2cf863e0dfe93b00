"""What is known while a search runs: counts, the best so far, what each worker does, when it may end."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from search.progress.protocol import SearchPlan
from search.results.summary import TrialCounts

if TYPE_CHECKING:
    from objectives.messages import EpochReport
    from reports.stored.records import TrialRecord

_fewest = 3
"""Trials that must have ended before anything is said about the end."""


@dataclass(frozen=True, kw_only=True)
class Underway:
    """A trial on a worker."""

    trial: int
    worker: int
    epoch: int = 0
    """Epochs done."""
    score: float | None = None
    """After the last of them."""


class SearchStatus:
    """Counts what the driver tells; draws nothing."""

    def __init__(self, plan: SearchPlan, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Start from the trials that the study holds already."""
        self.plan = plan
        self.underway: dict[int, Underway] = {}
        self.best: TrialRecord | None = None
        self._clock = clock
        self._since = clock()
        self._seconds: list[float] = []
        self._counts = {"COMPLETE": 0, "PRUNED": 0, "FAIL": 0}
        for record in plan.earlier:
            self._count(record)

    def start(self, trial: int, *, worker: int) -> None:
        """A worker has a trial."""
        self.underway[trial] = Underway(trial=trial, worker=worker)

    def report(self, trial: int, report: EpochReport, *, worker: int) -> None:
        """A worker finished an epoch."""
        self.underway[trial] = Underway(trial=trial, worker=worker, epoch=report.epoch, score=report.score)

    def end(self, record: TrialRecord) -> None:
        """A trial ended."""
        self.underway.pop(record.trial, None)
        self._seconds.append(record.seconds_training + (record.seconds_building or 0.0))
        self._count(record)

    @property
    def counts(self) -> TrialCounts:
        """Trials of the study by state."""
        return TrialCounts(
            total=self.plan.trials,
            complete=self._counts["COMPLETE"],
            pruned=self._counts["PRUNED"],
            failed=self._counts["FAIL"],
            running=len(self.underway),
        )

    @property
    def elapsed(self) -> float:
        """Seconds since the search started."""
        return self._clock() - self._since

    @property
    def remaining(self) -> tuple[float, float] | None:
        """Least and most seconds still to come, a guess at two standard errors; None when too little is known."""
        if len(self._seconds) < _fewest:
            return None
        done = sum(u.epoch / self.plan.epochs for u in self.underway.values())
        left = max(0.0, self.plan.trials - self.counts.ended - done)
        mean, spread = statistics.fmean(self._seconds), statistics.stdev(self._seconds)
        doubt = 2 * spread * math.sqrt(left + left**2 / len(self._seconds))
        least, most = (max(0.0, left * mean + d) / max(1, self.plan.workers) for d in (-doubt, doubt))
        if self.plan.timeout_seconds is not None:
            until_timeout = max(0.0, self.plan.timeout_seconds - self.elapsed)
            least, most = min(least, until_timeout), min(most, until_timeout)
        return least, most

    def _count(self, record: TrialRecord) -> None:
        self._counts[record.state] += 1
        if record.state == "COMPLETE" and record.score is not None and self._beats(record.score):
            self.best = replace(record)

    def _beats(self, score: float) -> bool:
        if self.best is None or self.best.score is None:
            return True
        return self.plan.direction.is_better(score, self.best.score)
