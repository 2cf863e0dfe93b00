"""A clock that leaves out the time in which the machine was suspended."""

from __future__ import annotations

import time
from collections.abc import Callable

_longest_step_seconds = 5.0
"""A longer time between two calls is taken for a suspension, of which this much counts."""


class AwakeClock:
    """Counts the seconds in which the driver ran, without those in which the machine or process was suspended."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start at 0; `clock` returns seconds from any origin, never running backwards."""
        self._clock = clock
        self._looked_at = clock()
        self._now = 0.0

    def __call__(self) -> float:
        """Return the seconds so far; call it every second or so."""
        now = self._clock()
        self._now += min(now - self._looked_at, _longest_step_seconds)
        self._looked_at = now
        return self._now
