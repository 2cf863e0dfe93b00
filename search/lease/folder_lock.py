"""Lock of a run folder: one driver runs a study, and a file beside the lock names it."""

from __future__ import annotations

import contextlib
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import filelock

from objectives.files.atomic import write_whole
from spaces.errors import StudyConflictError, TamizError
from spaces.records import from_plain, parse, to_plain

_lock_name = ".lock"
_holder_name = "driver.json"
_probe_seconds = 0.3
"""How long to try: a process that only asks whether the study is being run holds the lock for a moment."""


@dataclass(frozen=True, kw_only=True)
class Holder:
    """The driver that runs a study."""

    pid: int
    host: str
    since: str
    """When it took the study: ISO 8601, with its machine's time zone."""

    def __post_init__(self) -> None:
        datetime.fromisoformat(self.since)

    @classmethod
    def this(cls) -> Holder:
        """Return this process, as the holder from now on."""
        since = datetime.now().astimezone().isoformat(timespec="seconds")
        return cls(pid=os.getpid(), host=platform.node(), since=since)

    @property
    def in_words(self) -> str:
        """For example "pid 4711 on host a since 10:02"."""
        began, now = datetime.fromisoformat(self.since).astimezone(), datetime.now().astimezone()
        when = began.strftime("%H:%M" if began.date() == now.date() else "%Y-%m-%d %H:%M")
        return f"pid {self.pid} on host {self.host} since {when}"


class StudyBusyError(StudyConflictError):
    """Another driver is running the study."""

    def __init__(self, study: str, by: str) -> None:
        """Name the holder in words."""
        super().__init__(f"study '{study}' is being run by {by}; wait until it ends, or choose another --study")


@contextmanager
def lease(folder: Path, study: str, holder: Holder) -> Iterator[None]:
    """Hold the lock of a study's folder until leaving; a process that is killed leaves `driver.json` behind.

    Raises:
        StudyBusyError: another process holds it.
    """
    lock = filelock.FileLock(folder / _lock_name, timeout=_probe_seconds)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise _busy(folder, study) from None
    try:
        with contextlib.suppress(OSError):  # the search does not depend on it
            write_whole(folder / _holder_name, json.dumps(to_plain(holder)) + "\n")
        yield
    finally:
        # In this order, so that the file never names a holder that has released the lock.
        (folder / _holder_name).unlink(missing_ok=True)
        lock.release()


def is_being_run(folder: Path) -> bool:
    """Whether a driver on this machine is running the study now."""
    lock = filelock.FileLock(folder / _lock_name, timeout=0)
    try:
        with lock:
            return False
    except filelock.Timeout:
        return True
    except OSError:  # a folder that may only be read
        return False


def refuse_if_busy(folder: Path, study: str) -> None:
    """Check early, before anything heavy is imported; raises StudyBusyError."""
    if (folder / _lock_name).exists() and is_being_run(folder):
        raise _busy(folder, study)


def _busy(folder: Path, study: str) -> StudyBusyError:
    holder = read_holder(folder)
    return StudyBusyError(study, "another process" if holder is None else holder.in_words)


def read_holder(folder: Path) -> Holder | None:
    """Return the driver that runs a study, or that was killed while it did; None: unknown."""
    try:
        return from_plain(Holder, parse((folder / _holder_name).read_text()), where=_holder_name)
    except (OSError, ValueError, TamizError):
        return None
