"""When a worker counts as hung, and how often what it was doing is tried again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from objectives.messages import TrainingFailure
from search.settings import STALL_SECONDS
from search.system.clock import AwakeClock

ATTEMPTS = {"worker_lost": 3, "hung": 3, "host_oom": 2}
"""How often a training is attempted, by the cause of its failure; other failures are final at once."""
_longest_epochs = 10
_first_stalls = 6
"""Before anything was reported the limit is this many times `stall_seconds`: no epoch's duration is known yet."""


def attempts_allowed(failure: TrainingFailure) -> int:
    """Return how often a training, or a measurement, that fails like this is attempted."""
    return ATTEMPTS.get(failure.cause, 1)


class StallDetector:
    """Measures how long each running trial has reported nothing, in time during which the driver was awake."""

    def __init__(self, *, stall_seconds: float = STALL_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        """Call a trial stalled after `stall_seconds` without a report, or ten times the longest wait so far.

        Args:
            stall_seconds: the least limit.
            clock: seconds from any origin, never running backwards.
        """
        self._stall_seconds = stall_seconds
        self._now = AwakeClock(clock)
        self._reported_at: dict[int, float] = {}
        self._longest: float | None = None

    @property
    def limit_seconds(self) -> float:
        """How long a trial may report nothing at present."""
        if self._longest is None:
            return self._stall_seconds * _first_stalls
        return max(self._stall_seconds, self._longest * _longest_epochs)

    def started(self, trial: int) -> None:
        """Watch a trial from now on, or again."""
        self._reported_at[trial] = self._now()

    def reported(self, trial: int, *, seconds: float) -> None:
        """Record an epoch that took `seconds`; building the network may have come before it."""
        # Building the network, or computing features, is part of a first wait, and may be the longest of all.
        now = self._now()
        waited = now - self._reported_at.get(trial, now)
        self._longest = max(self._longest or 0.0, waited, seconds)
        self._reported_at[trial] = now

    def stalled(self, running: Iterable[int]) -> list[int]:
        """Return the running trials that are stalled; call it every second or so, since it reads the clock."""
        now = self._now()
        self._reported_at = {trial: self._reported_at.get(trial, now) for trial in running}
        return [trial for trial, since in self._reported_at.items() if now - since > self.limit_seconds]
