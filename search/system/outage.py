"""Outages: how long something has been unavailable, when to remind the user, and when to stop waiting."""

from __future__ import annotations

import math
import time
from collections.abc import Callable


class Outage:
    """Measures outages of one thing that a search waits for, such as its database or a cluster's workers.

    One object serves all outages of that thing, one after another:

        outage = Outage(note=print, remind_seconds=30.0, limit_seconds=600.0)
        while not connected():
            outage.begin()
            if outage.is_too_long:
                raise StorageError(...)
            outage.remind(f"no connection for {duration(outage.seconds)}")
        outage.end()
    """

    def __init__(
        self,
        *,
        note: Callable[[str], None],
        remind_seconds: float,
        limit_seconds: float = math.inf,
        first_after_seconds: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start with the thing available.

        Args:
            note: prints a line for the user.
            remind_seconds: least time between two lines of one outage.
            limit_seconds: an outage of this length is too long; 0: every outage is.
            first_after_seconds: how long an outage lasts before the first line.
            clock: returns seconds. Pass an `AwakeClock` where the outage is looked at every second or so, so that
                time in which the machine was suspended does not count.
        """
        self._note = note
        self._remind_seconds = remind_seconds
        self._limit_seconds = limit_seconds
        self._first_after_seconds = first_after_seconds
        self._clock = clock
        self._began: float | None = None
        self._next_line = math.inf

    @property
    def is_on(self) -> bool:
        """Whether the thing is unavailable."""
        return self._began is not None

    @property
    def seconds(self) -> float:
        """Length of the current outage so far; 0.0 without one."""
        return 0.0 if self._began is None else self._clock() - self._began

    @property
    def seconds_left(self) -> float:
        """Time until the current outage is too long."""
        return self._limit_seconds - self.seconds

    @property
    def is_too_long(self) -> bool:
        """Whether the current outage has reached the limit."""
        return self.is_on and self.seconds_left <= 0.0

    def begin(self) -> None:
        """Start measuring, unless an outage is on already."""
        if self._began is None:
            self._began = self._clock()
            self._next_line = self._began + self._first_after_seconds

    def remind(self, line: str) -> None:
        """Print a line about the current outage, unless the last one is too recent."""
        now = self._clock()
        if now >= self._next_line:
            self._next_line = now + self._remind_seconds
            self._note(line)

    def end(self) -> float:
        """Record that the thing is available, and return how many seconds the outage lasted; 0.0 without one."""
        lasted, self._began, self._next_line = self.seconds, None, math.inf
        return lasted
