"""Saving with retries: while the database is unavailable, training continues and trials are kept in the spool."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from reports.wording import count, duration
from search.settings import STORAGE_WAIT_SECONDS
from search.storage.errors import DatabaseUnavailableError
from search.system.disk import DiskGuard, is_full
from search.system.outage import Outage
from spaces.errors import StorageError

_first_pause_seconds = 1.0
_longest_pause_seconds = 30.0
_remind_seconds = 30.0


class Saved(Protocol):
    """What is saved: a `search.study.study.Study`."""

    def save(self) -> None:
        """Bring the database up to date; raises DatabaseError."""

    def spool(self) -> int:
        """Write what the database lacks to the run folder, and return the number of trials; raises OSError."""


class RetryingSaver:
    """Saves a study whenever it is called, and retries while the database is unavailable."""

    def __init__(
        self,
        study: Saved,
        *,
        note: Callable[[str], None],
        wait_seconds: float = STORAGE_WAIT_SECONDS,
        disk: DiskGuard | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Start with an available database.

        Args:
            study: what to save.
            note: prints a line when an outage begins, every half minute of it, and when it ends.
            wait_seconds: longest outage; 0: the first failure is the last.
            disk: the run folder's, which may be full as well; None: a full disk is not waited for.
            clock: returns seconds from any origin, never running backwards.
            sleep: waits a number of seconds.
        """
        self._study = study
        self._note = note
        self._wait_seconds = wait_seconds
        self._disk = disk
        self._outage = Outage(note=note, remind_seconds=_remind_seconds, limit_seconds=wait_seconds, clock=clock)
        self.is_blocked = False
        """Whether results can be kept in memory only: no trial should begin."""
        self._clock = clock
        self._sleep = sleep
        self._pause_seconds = _first_pause_seconds
        self._retry_at = 0.0
        """Time of the next attempt; matters during an outage only."""

    def save(self) -> None:
        """Save, or write what is missing to the spool until the database is available again.

        Raises:
            DatabaseError: the database refuses what it is given.
            StorageError: the outage is too long, or the spool can't be written; the run can be resumed.
            StudyConflictError: another program adds trials to the study.
        """
        if self._outage.is_on and self._clock() < self._retry_at:
            self._spool()
            return
        try:
            self._study.save()
        except DatabaseUnavailableError as error:
            self._postpone(error)
            return
        self._unblock()
        if self._outage.is_on:
            self._note(f"database available again after {duration(self._outage.end())}; all results are saved")

    def save_at_last(self, *, may_wait: bool) -> None:
        """Save when nothing more comes; wait for an unavailable database if `may_wait`. Raises as `save`."""
        self.save()
        while may_wait and self._outage.is_on:
            self._sleep(max(0.0, self._retry_at - self._clock()))
            self.save()

    def _postpone(self, error: DatabaseUnavailableError) -> None:
        is_first = not self._outage.is_on
        self._outage.begin()
        trials = f"{count(self._spool(), 'trial')} kept in the run folder's spool.jsonl"
        if self._outage.is_too_long:
            if self._disk is not None and self.is_blocked:
                raise self._disk.error() from error
            raise StorageError(f"{error}\n{trials}, to be entered when the study is continued") from error
        if not self.is_blocked:
            self._outage.remind(
                f"database unavailable ({error.reason}); training continues, {trials}"
                if is_first
                else f"database unavailable for {duration(self._outage.seconds)}; {trials}"
            )
        self._pause_seconds = _first_pause_seconds if is_first else min(2 * self._pause_seconds, _longest_pause_seconds)
        self._retry_at = self._clock() + min(self._pause_seconds, self._outage.seconds_left)

    def _spool(self) -> int:
        try:
            trials = self._study.spool()
        except OSError as error:
            if self._disk is not None and is_full(error) and self._wait_seconds:
                self.is_blocked = True
                self._disk.report_full()
                return 0
            raise StorageError(
                f"neither the study's database nor its run folder can be written: {error.strerror or error}"
            ) from error
        self._unblock()
        return trials

    def _unblock(self) -> None:
        if self._disk is not None and self.is_blocked:
            self._disk.report_room()
        self.is_blocked = False
