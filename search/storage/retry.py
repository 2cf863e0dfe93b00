"""Patience with a study's database that is away: training goes on, trials wait in the spool, saving is tried again."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Protocol

from sqlalchemy import exc as sql_errors

from reports.wording import duration
from search.settings import STORAGE_WAIT_SECONDS
from search.storage.url import without_secrets
from search.system.disk import DiskGuard, is_full
from spaces.errors import StorageError

_first_pause_seconds = 1.0
_longest_pause_seconds = 30.0
_between_lines_seconds = 30.0


class Saved(Protocol):
    """What is to be saved: a `search.study.study.Study`."""

    def save(self) -> None:
        """Bring the database up to date; raises sqlalchemy.exc.DBAPIError."""

    def spool(self) -> int:
        """Keep what the database lacks in the run folder, and return how many trials that is; raises OSError."""


class RetryingSaver:
    """Saves a study as often as it is asked to, and bears with a database that can't be reached for a while."""

    def __init__(
        self,
        study: Saved,
        *,
        note: Callable[[str], None],
        patience_seconds: float = STORAGE_WAIT_SECONDS,
        disk: DiskGuard | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Begin with a database that is there.

        Args:
            study: to be saved.
            note: told, in a line, when the database goes, each half minute that it is away, and when it is back.
            patience_seconds: how long it may be away; 0: not at all.
            disk: the run folder's, which may be full as well; None: then there is no patience.
            clock: seconds from any origin, never running backwards.
            sleep: waits so many seconds.
        """
        self._study = study
        self._note = note
        self._patience_seconds = patience_seconds
        self._disk = disk
        self.is_blocked = False
        """Whether results can be kept nowhere but in memory: no trial should begin."""
        self._clock = clock
        self._sleep = sleep
        self._away_since: float | None = None
        self._pause_seconds = _first_pause_seconds
        self._again_at = -math.inf
        self._told_at = -math.inf

    def save(self) -> None:
        """Save, or keep what there is in the spool until the database is back.

        Raises:
            StorageError: it has been away for too long, or the spool can't be written; the run can be resumed.
            sqlalchemy.exc.DBAPIError: the database refuses what it is given.
            StudyConflictError: another program adds trials to the study.
        """
        if self._away_since is not None and self._clock() < self._again_at:
            self._spool()
            return
        try:
            self._study.save()
        except (sql_errors.OperationalError, sql_errors.InterfaceError) as error:
            self._bear(error)
            return
        if self._away_since is not None:
            away = duration(self._clock() - self._away_since)
            self._note(f"the study's database is back after {away}; it has all results now")
        self._away_since, self._pause_seconds, self.is_blocked = None, _first_pause_seconds, False

    def save_at_last(self, *, may_wait: bool) -> None:
        """Save when nothing more comes; wait for a database that is away, if there is time. Raises as `save`."""
        self.save()
        while may_wait and self._away_since is not None:
            self._sleep(max(0.0, self._again_at - self._clock()))
            self.save()

    def _bear(self, error: sql_errors.DBAPIError) -> None:
        now, why = self._clock(), without_secrets(str(error.orig).strip().partition("\n")[0])
        waiting = self._spool()
        trials = f"{waiting} trial{'s wait' if waiting != 1 else ' waits'} in the run folder's spool.jsonl"
        if self._away_since is None:
            self._away_since = self._told_at = now
            if self._patience_seconds and not self.is_blocked:
                self._note(f"the study's database is away ({why}); training goes on, {trials}")
        else:
            self._pause_seconds = min(2 * self._pause_seconds, _longest_pause_seconds)
            if now - self._told_at >= _between_lines_seconds and not self.is_blocked:
                self._told_at = now
                self._note(f"the study's database has been away for {duration(now - self._away_since)}; {trials}")
        if now - self._away_since >= self._patience_seconds:
            if self._disk is not None and self.is_blocked:
                raise self._disk.gave_up() from error
            raise StorageError(
                f"the study's database gave up: {why}\n{trials} and will be entered when the study is continued"
            ) from error
        left = self._away_since + self._patience_seconds - now
        self._again_at = now + min(self._pause_seconds, left)

    def _spool(self) -> int:
        try:
            waiting = self._study.spool()
            self.is_blocked = False
            return waiting
        except OSError as error:
            if self._disk is not None and is_full(error) and self._patience_seconds:
                self.is_blocked = True
                self._disk.tell()
                return 0
            raise StorageError(
                f"neither the study's database nor its run folder can be written: {error.strerror or error}"
            ) from error
