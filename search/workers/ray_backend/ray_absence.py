"""How long a cluster may have no worker for a search: its machines may be away, or busy with other work."""

from __future__ import annotations

import time
from collections.abc import Callable

from reports.wording import duration
from spaces.errors import StorageError

_starting_seconds = 60.0
"""A worker may take so long to start: it is no absence."""
_between_lines_seconds = 60.0
_longest_step_seconds = 5.0


class Absence:
    """Measures how long no worker was there, in time in which the driver was awake."""

    def __init__(self, *, patience_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with workers that are starting.

        Args:
            patience_seconds: how long there may be none, beyond the minute that starting may take.
            clock: seconds from any origin, never running backwards.
        """
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._looked_at = clock()
        self._seconds = 0.0
        self._told = 0.0

    def seen(self, *, workers: int) -> str | None:
        """Take note of how many workers there are; to be told every second or so.

        Returns:
            What a person should read now, about once a minute; None: nothing.

        Raises:
            StorageError: there has been none for too long; the run can be resumed.
        """
        now = self._clock()
        step, self._looked_at = min(now - self._looked_at, _longest_step_seconds), now
        if workers:
            self._seconds = self._told = 0.0
            return None
        self._seconds += step
        waited = self._seconds - _starting_seconds
        if waited > self._patience_seconds:
            raise StorageError(
                f"the cluster has had no worker for {duration(self._seconds)} "
                "(--cluster-wait limits this); what is finished is kept"
            )
        if self._seconds - self._told < _between_lines_seconds:
            return None
        self._told = self._seconds
        return f"waiting for workers: none for {duration(self._seconds)}"
