"""What a run may still spend: trials, seconds, failures in a row."""

from __future__ import annotations

import time
from collections.abc import Callable

from objectives.messages import TrainingFailure
from spaces.errors import NothingCompletedError

ATTEMPTS = {"worker_lost": 3, "hung": 3, "host_oom": 2}
"""How often a training is tried whose worker died without bringing it further, by cause; others are final at once."""
LAST_EPOCHS_SECONDS = 10.0
"""So long the epochs under way may take to end when the search's time is up; then they are stopped amid."""
SAME_FAILURES = 3
"""So many equal failures in a row, with no trial completed, end the search."""


class Budget:
    """Counts down trials and seconds, and notices when everything fails in the same way."""

    def __init__(
        self, *, trials: int, timeout_seconds: float | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start counting.

        Args:
            trials: total of the study, with those of earlier runs.
            timeout_seconds: of this run; None: no limit.
            clock: seconds from any origin, never running backwards.
        """
        self._trials = trials
        self._clock = clock
        self._deadline = None if timeout_seconds is None else clock() + timeout_seconds
        self._any_completed = False
        self._last_failure = ""
        self._equal_failures = 0

    def may_start(self, started: int) -> bool:
        """Whether another trial may start when `started` have (running ones and those of earlier runs counted)."""
        return started < self._trials and not self.is_over

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return self._deadline is not None and self._clock() >= self._deadline

    @property
    def overdue_seconds(self) -> float:
        """How long the time has been up; 0 while it is not."""
        return 0.0 if self._deadline is None else max(0.0, self._clock() - self._deadline)

    @property
    def is_overdue(self) -> bool:
        """Whether epochs that are still under way should stop at their next batch."""
        return self.overdue_seconds > LAST_EPOCHS_SECONDS

    def left(self, started: int) -> int:
        """How many trials may still start when `started` have."""
        return max(0, self._trials - started)

    @staticmethod
    def attempts(failure: TrainingFailure) -> int:
        """How often a training is tried that fails so."""
        return ATTEMPTS.get(failure.cause, 1)

    def completed(self) -> None:
        """Count a trial that completed: from now on a failure is its trial's own."""
        self._any_completed = True

    def failed(self, failure: TrainingFailure) -> None:
        """Count a trial that failed for good.

        Raises:
            NothingCompletedError: it is the third equal one in a row before any success.
        """
        ending = failure.traceback.strip().splitlines()[-1:] or [failure.message]
        signature = f"{failure.cause}: {ending[0]}"
        self._equal_failures = self._equal_failures + 1 if signature == self._last_failure else 1
        self._last_failure = signature
        if self._equal_failures >= SAME_FAILURES and not self._any_completed:
            raise NothingCompletedError(
                f"the first {SAME_FAILURES} trials failed in the same way; nothing would be gained by going on\n"
                f"{failure.message}\n{failure.traceback.strip()[-600:]}"
            )
