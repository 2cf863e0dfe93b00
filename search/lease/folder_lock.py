"""The lease of a study: one driver runs it, under a lock, and says beside the lock who it is."""

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
import psutil

from objectives.files.atomic import write_whole
from spaces.errors import StudyConflictError, TamizError
from spaces.records import from_plain, parse, to_plain

_lock_name = ".lock"
_holder_name = "driver.json"
_probe_seconds = 0.3
"""Whoever only asks whether a study is being run holds its lock for a moment, which is not taken for a driver."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A machine since it was last started."""

    host: str
    boot: str

    @classmethod
    def this(cls) -> Machine:
        """Return the one that this runs on."""
        try:
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        except OSError:
            boot = str(int(psutil.boot_time()))
        return cls(host=platform.node(), boot=boot)


@dataclass(frozen=True, kw_only=True)
class Holder:
    """The driver that runs a study."""

    pid: int
    machine: Machine
    since: str
    """When it took the study up: ISO 8601, with the zone of its machine."""
    executor: str
    """One of `search.settings.EXECUTORS`; only Ray takes on more workers."""
    ray_address: str | None
    """Of the Ray cluster that its workers are on; None: it has one of its own."""

    def __post_init__(self) -> None:
        datetime.fromisoformat(self.since)

    @classmethod
    def this(cls, *, executor: str, ray_address: str | None) -> Holder:
        """Return this process, as one that takes a study up now."""
        since = datetime.now().astimezone().isoformat(timespec="seconds")
        return cls(pid=os.getpid(), machine=Machine.this(), since=since, executor=executor, ray_address=ray_address)

    @property
    def in_words(self) -> str:
        """Who it is and since when: "pid 4711 on host a since 10:02"."""
        began, now = datetime.fromisoformat(self.since).astimezone(), datetime.now().astimezone()
        when = began.strftime("%H:%M" if began.date() == now.date() else "%Y-%m-%d %H:%M")
        return f"pid {self.pid} on host {self.machine.host} since {when}"


class StudyBusyError(StudyConflictError):
    """Another driver runs the study."""

    def __init__(self, study: str, holder: Holder | None) -> None:
        """Say who holds `study`; None: nobody knows."""
        who = "another process" if holder is None else holder.in_words
        super().__init__(f"study '{study}' is being run by {who}; use --join to help it, or choose another --study")
        self.holder = holder


@contextmanager
def lease(folder: Path, study: str, holder: Holder) -> Iterator[None]:
    """Be the only driver of a study, as `holder`, until leaving; whoever is killed meanwhile leaves `driver.json`.

    Raises:
        StudyBusyError: another one is.
    """
    lock = filelock.FileLock(folder / _lock_name, timeout=_probe_seconds)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise StudyBusyError(study, read_holder(folder)) from None
    try:
        with contextlib.suppress(OSError):  # a name for others is not worth a search
            write_whole(folder / _holder_name, json.dumps(to_plain(holder)) + "\n")
        yield
    finally:
        (folder / _holder_name).unlink(missing_ok=True)
        lock.release()


def is_being_run(folder: Path) -> bool:
    """Whether a driver works on the study at this moment, on this machine."""
    lock = filelock.FileLock(folder / _lock_name, timeout=0)
    try:
        with lock:
            return False
    except filelock.Timeout:
        return True
    except OSError:  # a folder that may only be read
        return False


def refuse_if_busy(folder: Path, study: str) -> None:
    """Find out early, before anything heavy is imported; raises StudyBusyError."""
    if (folder / _lock_name).exists() and is_being_run(folder):
        raise StudyBusyError(study, read_holder(folder))


def read_holder(folder: Path) -> Holder | None:
    """Return who runs a study, or ran it until it was killed; None where nobody says."""
    try:
        return from_plain(Holder, parse((folder / _holder_name).read_text()), where=_holder_name)
    except (OSError, ValueError, TamizError):
        return None
