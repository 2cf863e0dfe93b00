"""Clocks that leave out the time in which the machine slept."""

from __future__ import annotations

import time
from collections.abc import Callable

_longest_step_seconds = 5.0


class AwakeClock:
    """Seconds during which the driver was awake and looked at its clock: a sleeping laptop blames nobody."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin at 0; `clock` gives seconds from any origin, never running backwards."""
        self._clock = clock
        self._looked_at = clock()
        self._now = 0.0

    def __call__(self) -> float:
        """Return the seconds so far; to be asked every second or so."""
        now = self._clock()
        self._now += min(now - self._looked_at, _longest_step_seconds)
        self._looked_at = now
        return self._now
