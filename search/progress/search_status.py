"""State of a running search: counts, the best trial so far, what each worker does, the time left."""

from __future__ import annotations

import math
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reports.wording import count, duration
from search.progress.protocol import Progress, SearchPlan
from search.results.summary import TrialCounts

if TYPE_CHECKING:
    from objectives.messages import EpochReport
    from reports.stored.records import TrialRecord
    from spaces.space import Parameters

_fewest = 3
"""Number of trials that must have ended before the time left is estimated."""
_shown_seconds = 2.0
"""A phase that takes longer is shown with its time."""


@dataclass(frozen=True, kw_only=True)
class RunningTrial:
    """A running trial, or a recipe that is trained again after the search."""

    trial: int
    """Negative where it is trained again."""
    worker: int
    title: str
    epochs: int
    """Unless it is stopped before."""
    epoch: int = 0
    """Number of finished epochs."""
    score: float | None = None
    """After the last finished epoch."""


class SearchStatus:
    """Counts trials and estimates the time left; draws nothing."""

    def __init__(self, plan: SearchPlan, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with the trials of earlier runs."""
        self.plan = plan
        self.running: dict[int, RunningTrial] = {}
        self.best: TrialRecord | None = None
        self._clock = clock
        self._since = clock() - plan.seconds_before
        self._seconds: list[float] = []
        self._counts = {"COMPLETE": 0, "PRUNED": 0, "FAIL": 0}
        for record in plan.earlier:
            self._count(record)

    def start(self, trial: int, *, worker: int, title: str = "", epochs: int | None = None) -> None:
        """Add a running trial."""
        self.running[trial] = RunningTrial(
            trial=trial, worker=worker, title=title or f"trial {trial}", epochs=epochs or self.plan.epochs
        )

    def report(self, trial: int, report: EpochReport, *, worker: int) -> None:
        """Record an epoch of a running trial."""
        if trial not in self.running:
            self.start(trial, worker=worker)
        self.running[trial] = replace(self.running[trial], worker=worker, epoch=report.epoch, score=report.score)

    def pause(self, trial: int) -> None:
        """Count a trial as not running, since its worker was told to stop."""
        self.running.pop(trial, None)

    def end(self, record: TrialRecord) -> None:
        """Count a trial that ended."""
        self.running.pop(record.trial, None)
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
            running=sum(trial >= 0 for trial in self.running),
        )

    @property
    def elapsed(self) -> float:
        """Seconds since the command started."""
        return self._clock() - self._since

    @property
    def remaining(self) -> tuple[float, float] | None:
        """Least and most seconds left, at two standard errors.

        None before enough trials ended, after the last, and after the timeout.
        """
        until_timeout = math.inf if self.plan.timeout_seconds is None else self.plan.timeout_seconds - self.elapsed
        if len(self._seconds) < _fewest or self.counts.ended >= self.plan.trials or until_timeout <= 0:
            return None
        done = sum(u.epoch / self.plan.epochs for u in self.running.values())
        left = max(0.0, self.plan.trials - self.counts.ended - done)
        mean, spread = statistics.fmean(self._seconds), statistics.stdev(self._seconds)
        doubt = 2 * spread * math.sqrt(left + left**2 / len(self._seconds))
        least, most = (max(0.0, left * mean + d) / max(1, self.plan.workers) for d in (-doubt, doubt))
        return min(least, until_timeout), min(most, until_timeout)

    def _count(self, record: TrialRecord) -> None:
        self._counts[record.state] += 1
        if record.state == "COMPLETE" and record.score is not None and self._beats(record.score):
            self.best = replace(record)

    def _beats(self, score: float) -> bool:
        if self.best is None or self.best.score is None:
            return True
        return self.plan.direction.is_better(score, self.best.score)


class CountingProgress(Progress):
    """Keeps the status of the search, and its phase, for displays that draw them from another thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._status: SearchStatus | None = None
        self._phase = ""
        """What is done before the first trial or after the last; empty between these."""
        self._phase_progress = ""
        self._phase_since = time.monotonic()

    def phase(self, line: str) -> None:
        """Begin a phase."""
        with self._lock:
            self._phase, self._phase_progress, self._phase_since = line, "", time.monotonic()

    def phase_reached(self, done: int, of: int, thing: str) -> None:
        """Keep how far the phase is."""
        with self._lock:
            self._phase_progress = f"{done:,} of {count(of, thing)}"

    def _phase_lines(self) -> list[str]:
        """Return the phase, how far it is, and with the last of these how long it has taken; empty while trials run."""
        lines = [line for line in (self._phase, self._phase_progress) if line]
        waited = time.monotonic() - self._phase_since
        if lines and waited >= _shown_seconds:
            lines[-1] += f", {duration(round(waited))}"
        return lines

    def started(self, plan: SearchPlan) -> None:
        """Begin to count."""
        with self._lock:
            self._status, self._phase, self._phase_progress = SearchStatus(plan), "", ""

    def planned(self, trials: int) -> None:
        """Count to another total."""
        if self._status is not None:
            with self._lock:
                self._status.plan = replace(self._status.plan, trials=trials)

    def trial_started(
        self, trial: int, params: Parameters, *, worker: int, title: str = "", epochs: int | None = None
    ) -> None:
        """Add a running trial."""
        if self._status is not None:
            with self._lock:
                self._status.start(trial, worker=worker, title=title, epochs=epochs)

    def epoch_reported(self, trial: int, report: EpochReport, *, worker: int) -> None:
        """Record an epoch."""
        if self._status is not None:
            with self._lock:
                self._status.report(trial, report, worker=worker)

    def trial_paused(self, trial: int) -> None:
        """Count the trial as not running."""
        if self._status is not None:
            with self._lock:
                self._status.pause(trial)

    def trial_ended(self, record: TrialRecord) -> None:
        """Count the trial."""
        if self._status is not None:
            with self._lock:
                self._status.end(record)
