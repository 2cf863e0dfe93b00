"""How long each trial has been trained, in time in which the driver was awake, and whether that is too long."""

from __future__ import annotations

import time
from collections.abc import Callable

from search.system.clock import (
    AwakeClock,
)
from search.wording import (
    duration,
)


class TrialTime:
    """Counts the seconds of trainings under way, with those of their earlier attempts, against one limit."""

    def __init__(self, *, limit_seconds: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Let each trial take `limit_seconds`; None: as long as it likes. The clock never runs backwards."""
        self._limit_seconds = limit_seconds
        self._now = AwakeClock(clock)
        self._began: dict[int, float] = {}

    @property
    def in_words(self) -> str:
        """What became of a trial that takes longer; the same for each, so that equal ends are seen to be equal."""
        return f"it takes longer than {duration(self._limit_seconds or 0.0)} (--trial-timeout)"

    def began(self, trial: int, *, spent_seconds: float) -> None:
        """Count from now; so many seconds were spent on it before, without those that its end threw away."""
        self._began[trial] = self._now() - spent_seconds

    def is_over(self, trial: int, *, with_seconds: float = 0.0) -> bool:
        """Whether a trial has taken too long, or will have when it takes so many seconds more."""
        spent_seconds = self._now() - self._began[trial]
        return self._limit_seconds is not None and spent_seconds + with_seconds > self._limit_seconds
