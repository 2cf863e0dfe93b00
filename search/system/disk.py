"""Writes that wait while the disk is full."""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from reports.wording import duration
from search.system.outage import Outage
from spaces.errors import StorageError

T = TypeVar("T")

_full = (errno.ENOSPC, errno.EDQUOT)
_pause_seconds = 1.0
_remind_seconds = 60.0
_bytes_of_a_trial = 100_000
"""Recipe, history, pictures for the dashboard, rows in the database: somewhat more than in a study of digits."""
_mib = 2**20


class DiskGuard:
    """Writes into a run folder, and waits while its disk is full."""

    def __init__(
        self,
        folder: Path,
        *,
        note: Callable[[str], None],
        wait_seconds: float,
        is_stopping: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Start with free space.

        Args:
            folder: the run's.
            note: prints a line when the disk is full, every minute that it is, and when there is space again.
            wait_seconds: how long it may be full; 0: not at all.
            is_stopping: whether the search was asked to stop; it does not wait then.
            clock: returns seconds from any origin, never running backwards.
            sleep: waits a number of seconds.
        """
        self._folder = folder
        self._note = note
        self._outage = Outage(note=note, remind_seconds=_remind_seconds, limit_seconds=wait_seconds, clock=clock)
        self._is_stopping = is_stopping
        self._sleep = sleep

    def write(self, act: Callable[[], T]) -> T:
        """Call what writes, again and again while the disk is full; the driver waits, so that no new trial begins.

        Raises:
            StorageError: the disk was full for too long, or the search was asked to stop; the run can be resumed.
        """
        while True:
            try:
                done = act()
            except (StorageError, OSError) as error:
                if not is_full(error):
                    raise
                self._outage.begin()
                if self._is_stopping() or self._outage.is_too_long:
                    raise self.error() from error
                self.report_full()
                self._sleep(_pause_seconds)
            else:
                self.report_room()
                return done

    def report_full(self) -> None:
        """Take the disk for full, and print that unless it was printed within the last minute."""
        self._outage.begin()
        self._outage.remind(f"{disk_in_words(self._folder)}: no new trials until space is freed")

    def report_room(self) -> None:
        """Take the disk for free again, and print that if it was full."""
        if self._outage.is_on:
            self._note(f"disk space available again after {duration(self._outage.end())}")

    def error(self) -> StorageError:
        """Return the error of a disk that was full for too long."""
        return StorageError(f"{disk_in_words(self._folder)}; finished trials are kept")


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


def space_warning(folder: Path, *, trials: int, validation: int, classes: int) -> str | None:
    """Return a warning for a search whose results will hardly fit on the disk; None: they will. Models don't count.

    Args:
        folder: the run's.
        trials: number still to train.
        validation: number of images whose predictions each trial keeps.
        classes: number of classes.
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
