"""The watchdog: notices trainings of which nothing has been heard for far longer than this study's epochs take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from search.settings import STALL_SECONDS
from search.system.clock import AwakeClock

_times_the_longest = 10
_first_of_all = 6
"""Before anything was heard of any training, the least limit counts so many times: nobody knows what is usual here."""


class Watchdog:
    """Measures silences. What it does not see, because the driver was held up itself, is nobody's silence."""

    def __init__(self, *, stall_seconds: float = STALL_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        """Call a training hung after `stall_seconds` of silence, or ten times the longest that was heard to end.

        Args:
            stall_seconds: the least limit.
            clock: seconds from any origin, never running backwards.
        """
        self._stall_seconds = stall_seconds
        self._time = AwakeClock(clock)
        self._heard: dict[int, float] = {}
        self._longest: float | None = None

    @property
    def limit_seconds(self) -> float:
        """How long a training may be silent now."""
        if self._longest is None:
            return self._stall_seconds * _first_of_all
        return max(self._stall_seconds, self._longest * _times_the_longest)

    def began(self, trial: int) -> None:
        """Listen to a training from now on, or anew."""
        self._heard[trial] = self._time()

    def heard(self, trial: int, *, seconds: float) -> None:
        """Take note of an epoch that took `seconds` by itself; building the network may have come before it."""
        now = self._time()
        silence = now - self._heard.get(trial, now)
        self._longest = max(self._longest or 0.0, silence, seconds)
        self._heard[trial] = now

    def hung(self, running: Iterable[int]) -> list[int]:
        """Return those of the running trainings that have been silent too long; to be asked every second or so."""
        now = self._time()
        self._heard = {trial: self._heard.get(trial, now) for trial in running}
        return [trial for trial, since in self._heard.items() if now - since > self.limit_seconds]
