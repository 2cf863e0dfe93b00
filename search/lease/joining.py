"""How one command helps another that runs the same study: it asks for more workers, in a file that it keeps fresh.

    runs/STUDY/.joining/HOST-PID.json     a `Request`, whole from the first moment; its time of change is renewed

A study has one writer. So whoever joins trains nothing itself: the driver takes on as many workers more, on the
machine that both are on, and lets them go when the file is gone or no longer renewed.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from objectives.files.atomic import write_whole
from search.lease.folder_lock import Machine
from search.system.clock import (
    AwakeClock,
)
from spaces.errors import TamizError, UsageError
from spaces.records import from_plain, parse, to_plain

RENEWED_SECONDS = 1.0
"""How often a request is renewed, and looked for."""
_stale_seconds = 10.0
_most_workers = 256
_folder_name = ".joining"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What somebody who joins asks for."""

    pid: int
    machine: Machine
    workers: int

    def __post_init__(self) -> None:
        if not 1 <= self.workers <= _most_workers:
            raise UsageError(f"--workers is {self.workers}; accepted with --join: 1 to {_most_workers}")

    @property
    def in_words(self) -> str:
        """Who asks, and for how much."""
        return f"pid {self.pid} with {self.workers} worker{'s' if self.workers > 1 else ''}"


class Joining:
    """The request of this process, made when it is first renewed; a context manager that withdraws it on leaving."""

    def __init__(self, folder: Path, *, workers: int) -> None:
        """Ask, in a study's folder, for so many workers."""
        self._request = Request(pid=os.getpid(), machine=Machine.this(), workers=workers)
        self._file = folder / _folder_name / f"{self._request.machine.host}-{self._request.pid}.json"

    def renew(self) -> None:
        """Say that this process still asks; raises OSError."""
        try:
            os.utime(self._file)
        except FileNotFoundError:  # at first, and when another driver has taken the study up
            self._file.parent.mkdir(exist_ok=True)
            write_whole(self._file, json.dumps(to_plain(self._request)) + "\n")

    def __enter__(self) -> Joining:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.unlink(missing_ok=True)


@dataclass(kw_only=True)
class _Seen:
    request: Request
    renewed_ns: int
    """The file's time of change, by whatever clock."""
    at: float
    """When that was first seen, by our own."""
    is_renewed: bool = False
    """Whether it was seen to be renewed: a file that a killed process left behind never is."""


class Helpers:
    """Who helps the driver of a study at the moment, as far as their requests are fresh."""

    def __init__(
        self, folder: Path, *, note: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Look into a study's folder, from which requests to an earlier driver are removed: whoever lives asks again.

        Args:
            folder: the study's.
            note: told, in a line, who comes and who goes.
            clock: seconds from any origin, never running backwards.
        """
        self._folder = folder / _folder_name
        self._note = note
        self._clock = clock
        self._awake = AwakeClock(clock)
        self._looked_at = -math.inf
        self._seen: dict[str, _Seen] = {}
        self._helping: dict[str, Request] = {}
        for file in self._folder.glob("*.json"):
            with contextlib.suppress(OSError):
                file.unlink()

    def workers(self) -> int:
        """Return how many workers they ask for in all; to be asked often, looks once a second."""
        now = self._clock()
        if now - self._looked_at >= RENEWED_SECONDS:
            self._looked_at = now
            self._look(self._awake())
        return sum(request.workers for request in self._helping.values())

    def _look(self, now: float) -> None:
        found = {file.name: file for file in self._folder.glob("*.json")}
        self._seen = {name: seen for name, seen in self._seen.items() if name in found}
        for name, file in found.items():
            with contextlib.suppress(OSError, ValueError, TamizError):  # half gone, or no request of ours
                self._read(name, file, now)
        before, self._helping = (
            self._helping,
            {
                name: seen.request
                for name, seen in self._seen.items()
                if seen.is_renewed and now - seen.at < _stale_seconds
            },
        )
        for name in self._helping.keys() - before.keys():
            self._note(f"{self._helping[name].in_words} joins")
        for name in before.keys() - self._helping.keys():
            self._note(f"{before[name].in_words} has left; what is being trained there is finished first")

    def _read(self, name: str, file: Path, now: float) -> None:
        renewed_ns = file.stat().st_mtime_ns
        seen = self._seen.get(name)
        if seen is None:
            request = from_plain(Request, parse(file.read_text()), where=name)
            self._seen[name] = _Seen(request=request, renewed_ns=renewed_ns, at=now)
        elif seen.renewed_ns != renewed_ns:
            seen.renewed_ns, seen.at, seen.is_renewed = renewed_ns, now, True
