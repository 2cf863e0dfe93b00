"""Patience with a disk that is full: the driver waits for room with what it has to write, and says so."""

from __future__ import annotations

import errno
import math
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from reports.wording import duration
from spaces.errors import StorageError

T = TypeVar("T")

_full = (errno.ENOSPC, errno.EDQUOT)
_pause_seconds = 1.0
_between_lines_seconds = 60.0
_bytes_of_a_trial = 100_000
"""Recipe, history, pictures for the dashboard, rows in the database: what a study of digits leaves, and some more."""
_mib = 2**20


class DiskGuard:
    """Writes into a run folder, and waits where its disk is full."""

    def __init__(
        self,
        folder: Path,
        *,
        note: Callable[[str], None],
        patience_seconds: float,
        is_stopping: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Get ready.

        Args:
            folder: the run's.
            note: told, in a line, when the disk is full, each minute that it is, and when there is room.
            patience_seconds: how long it may be full; 0: not at all.
            is_stopping: whether somebody asked the search to stop, which then waits no longer.
            clock: seconds from any origin, never running backwards.
            sleep: waits so many seconds.
        """
        self._folder = folder
        self._note = note
        self._patience_seconds = patience_seconds
        self._is_stopping = is_stopping
        self._clock = clock
        self._sleep = sleep
        self._told_at = -math.inf

    def write(self, act: Callable[[], T]) -> T:
        """Do what writes, again and again while the disk is full; the driver waits, so that no new trial begins.

        Raises:
            StorageError: it was full for too long, or somebody asked to stop; the run can be resumed.
        """
        began, was_full = self._clock(), False
        while True:
            try:
                done = act()
            except (StorageError, OSError) as error:
                if not is_full(error):
                    raise
                if self._is_stopping() or self._clock() - began >= self._patience_seconds:
                    raise self.gave_up() from error
                was_full = True
                self.tell()
                self._sleep(_pause_seconds)
            else:
                if was_full:
                    self._told_at = -math.inf
                    self._note(f"there is room on the disk again after {duration(self._clock() - began)}")
                return done

    def tell(self) -> None:
        """Say that the disk is full, unless that was said within the last minute."""
        now = self._clock()
        if now - self._told_at >= _between_lines_seconds:
            self._told_at = now
            self._note(f"{disk_in_words(self._folder)}: paused new trials")

    def gave_up(self) -> StorageError:
        """Return the error of a disk that was full for too long."""
        return StorageError(f"{disk_in_words(self._folder)}; what is finished is kept")


def is_full(error: BaseException | None) -> bool:
    """Whether an error comes from a disk, or a quota, that is full."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _full:
            return True
        error = error.__cause__
    return False


def disk_in_words(folder: Path) -> str:
    """Return "disk full on /data (0 MB free)"."""
    place = _mount(folder)
    return f"disk full on {place} ({shutil.disk_usage(place).free // _mib} MB free)"


def want_of_room(folder: Path, *, trials: int, validation: int, classes: int) -> str | None:
    """Return what to tell a person before a search whose results will hardly fit; None: they will, but for models.

    Args:
        folder: the run's.
        trials: that are still to be trained.
        validation: images, whose predictions each trial keeps.
        classes: of them.
    """
    place = _mount(folder)
    free, needed = shutil.disk_usage(place).free, trials * (_bytes_of_a_trial + validation * (4 * classes + 8))
    if needed <= free:
        return None
    return f"{trials:,} trials need about {_gigabytes(needed)} on {place}, where {_gigabytes(free)} are free"


def _gigabytes(amount: int) -> str:
    return f"{amount / 1e9:.1f} GB" if amount >= 1e8 else f"{amount / 1e6:.1f} MB"


def _mount(folder: Path) -> Path:
    place = folder.resolve()
    while not place.is_mount() and place != place.parent:
        place = place.parent
    return place
