"""The processes of a search, as the system sees them: a driver that a person started, and all that came of it.

Whatever descends from a driver has its environment, and so the mark in it, also after the driver has died.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_variable = "TAMIZ_CHAOS_MARK"


@dataclass(frozen=True, kw_only=True)
class Marked:
    """All processes that descend from drivers with this mark."""

    mark: str = field(default_factory=secrets.token_hex)

    def start(self, arguments: Sequence[str], *, environment: dict[str, str], folder: Path, log: str) -> Driver:
        """Start `python -m search` as a person would, with its output in two files of the folder."""
        stdout, stderr = folder / f"{log}.out", folder / f"{log}.err"
        with stdout.open("wb") as out, stderr.open("wb") as err:
            process = subprocess.Popen(
                [sys.executable, "-m", "search", *arguments],
                env={**os.environ, **environment, _variable: self.mark},
                stdout=out,
                stderr=err,
                start_new_session=True,  # Ctrl-C here is none of its business
            )
        return Driver(process=process, stdout=stdout, stderr=stderr)

    def alive(self) -> list[psutil.Process]:
        """Return those that are alive."""
        return [process for process in psutil.process_iter() if self._is_own(process)]

    def seconds_until_gone(self, limit_seconds: float) -> float | None:
        """Wait until none is alive, and return how long that took; None: it took longer than the limit."""
        began = time.monotonic()
        while self.alive():
            if time.monotonic() - began > limit_seconds:
                return None
            time.sleep(0.1)
        return time.monotonic() - began

    def kill(self) -> None:
        """End all of them, stopped ones too."""
        while left := self.alive():
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(left, timeout=1)

    def _is_own(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(_variable) == self.mark and process.status() != psutil.STATUS_ZOMBIE
        except (psutil.Error, OSError):  # it has ended, or is somebody else's
            return False


@dataclass(frozen=True, kw_only=True)
class Driver:
    """A driver under way."""

    process: subprocess.Popen[bytes]
    stdout: Path
    stderr: Path

    def send(self, number: int) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def workers(self) -> list[psutil.Process]:
        """Return its Ray workers."""
        return self._children("ray::WorkerActor")

    def raylets(self) -> list[psutil.Process]:
        """Return its raylet, the process of Ray that starts workers."""
        return self._children("raylet/raylet ")

    def stores(self) -> list[psutil.Process]:
        """Return its GCS, the process of Ray that knows who is where."""
        return self._children("gcs/gcs_server ")

    def _children(self, wanted: str) -> list[psutil.Process]:
        try:
            children = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.Error:
            return []
        found = []
        for child in children:
            with contextlib.suppress(psutil.Error):
                if wanted in " ".join(child.cmdline()) + " " and child.status() != psutil.STATUS_ZOMBIE:
                    found.append(child)
        return found
