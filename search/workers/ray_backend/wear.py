"""When a warm worker has served long enough: after so many trainings, or when its memory has grown."""

from __future__ import annotations

from dataclasses import dataclass

_gib = 2**30


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a worker's process may take before another is hired in its place, between two trainings."""

    trainings: int = 200
    growth_fraction: float = 0.5
    """Its memory may grow by this part of what it was after the first training,"""
    growth_bytes: int = _gib // 2
    """and by so much in any case: networks differ."""
    least_trainings: int = 10
    """Growth is looked at only after so many: a new process costs seconds."""


class Wear:
    """What one worker's process has been through."""

    def __init__(self, limits: Limits) -> None:
        """Begin with a fresh process."""
        self._limits = limits
        self._trainings = 0
        self._first_bytes = 0

    def add(self, resident_bytes: int) -> str | None:
        """Count a training, after which the process held so much memory of its own.

        Returns:
            Why the process should be replaced now; None: it should not.
        """
        self._trainings += 1
        self._first_bytes = self._first_bytes or resident_bytes
        if self._trainings >= self._limits.trainings:
            return f"it has done {self._trainings} trainings"
        allowed = max(self._limits.growth_bytes, int(self._limits.growth_fraction * self._first_bytes))
        if self._trainings >= self._limits.least_trainings and resident_bytes - self._first_bytes > allowed:
            grown = f"{self._first_bytes / _gib:.2f} to {resident_bytes / _gib:.2f} GiB"
            return f"its memory grew from {grown} in {self._trainings} trainings"
        return None
