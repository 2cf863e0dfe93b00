"""Limits of a search and of each trial: number of trials, time, equal failures in a row."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from objectives.messages import TrainingFailure
from reports.wording import duration
from search.system.clock import AwakeClock
from spaces.errors import NothingCompletedError

GRACE_SECONDS = 10.0
"""How long running epochs may take to end after `--timeout`; after that they are interrupted."""
SAME_FAILURES = 3
"""This many equal failures in a row, with no trial completed, end the search."""


class TrialBudget:
    """What the search may still spend: trials, seconds, failures in a row."""

    def __init__(
        self,
        *,
        trials: int,
        timeout_seconds: float | None,
        spent_seconds: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the clock.

        Args:
            trials: total of the study, with those of earlier runs.
            timeout_seconds: of this run; None: no limit.
            spent_seconds: of these, before now.
            clock: seconds from any origin, never running backwards.
        """
        self._trials = trials
        self._clock = clock
        self._deadline = None if timeout_seconds is None else clock() + timeout_seconds - spent_seconds
        self.reserved_seconds = 0.0
        """Of the time limit, for the steps that follow."""
        self._any_completed = False
        self._last_failure = ""
        self._equal_failures = 0

    def may_start(self, started: int) -> bool:
        """Whether another trial may start, where `started` counts running trials and those of earlier runs."""
        return started < self._trials and not self.is_over

    def limit(self, trials: int) -> None:
        """Set another total of trials."""
        self._trials = trials

    def left(self, started: int) -> int:
        """How many trials may still start."""
        return max(0, self._trials - started)

    @property
    def is_over(self) -> bool:
        """Whether time is up, but for what is reserved."""
        return self._late_seconds >= 0.0

    @property
    def seconds_left(self) -> float | None:
        """Until time is up, but for what is reserved; None: no limit."""
        return None if self._deadline is None else -self._late_seconds

    @property
    def is_overdue(self) -> bool:
        """Whether running epochs should be interrupted at their next batch."""
        return self._late_seconds > GRACE_SECONDS

    @property
    def _late_seconds(self) -> float:
        return -math.inf if self._deadline is None else self._clock() - self._deadline + self.reserved_seconds

    def completed(self) -> None:
        """Count a completed trial: from now on a failure concerns its own trial only."""
        self._any_completed = True

    def failed(self, failure: TrainingFailure) -> None:
        """Count a trial that failed for good.

        Raises:
            NothingCompletedError: the third equal failure in a row before any trial completed.
        """
        last_line = failure.traceback.strip().splitlines()[-1:] or [failure.message]
        # Messages may hold numbers that differ between trials; the last line of a traceback names the error itself.
        signature = f"{failure.cause}: {last_line[0]}"
        self._equal_failures = self._equal_failures + 1 if signature == self._last_failure else 1
        self._last_failure = signature
        if self._equal_failures >= SAME_FAILURES and not self._any_completed:
            raise NothingCompletedError(
                f"the first {SAME_FAILURES} trials failed in the same way; aborting\n"
                f"{failure.message}\n{failure.traceback.strip()[-600:]}"
            )


class TrialTimer:
    """Training time of each running trial, with that of earlier attempts, against one limit.

    Only time during which the driver was awake counts.
    """

    def __init__(self, *, limit_seconds: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Limit each trial to `limit_seconds`; None: no limit. The clock never runs backwards."""
        self._limit_seconds = limit_seconds
        self._now = AwakeClock(clock)
        self._started: dict[int, float] = {}

    @property
    def reason(self) -> str:
        """Message of a trial that took too long; the same for all, so that equal failures are recognized."""
        return f"it takes longer than {duration(self._limit_seconds or 0.0)} (--trial-timeout)"

    def started(self, trial: int, *, spent_seconds: float) -> None:
        """Start a trial's clock at what earlier attempts spent, without epochs that were lost."""
        self._started[trial] = self._now() - spent_seconds

    def is_over(self, trial: int, *, with_seconds: float = 0.0) -> bool:
        """Whether a trial has taken too long, or will have after `with_seconds` more; one without a clock never has."""
        if self._limit_seconds is None or trial not in self._started:
            return False
        return self._now() - self._started[trial] + with_seconds > self._limit_seconds
