"""What a worker's process leaves behind when it dies: how, and where its threads were.

Ray says of most deaths only that the connection ended. So each worker on this machine keeps a file open
into which Python's `faulthandler` writes when the process gets a fatal signal, or is asked to with SIGUSR1.
SIGKILL alone leaves no words; whether the system's own out-of-memory killer sent it is told by its counter.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_fatal = {
    "Segmentation fault": "SIGSEGV",
    "Aborted": "SIGABRT",
    "Bus error": "SIGBUS",
    "Illegal instruction": "SIGILL",
    "Floating point exception": "SIGFPE",
    "Floating-point exception": "SIGFPE",
}
_prefix = "Fatal Python error: "
_dump_seconds = 2.0
_open: list[IO[str]] = []


def keep(path: Path) -> None:
    """Let this process write its last words into a file; called in a worker, once."""
    file = path.open("w")
    file.write(f"pid {os.getpid()}\n")
    file.flush()
    _open.append(file)  # faulthandler knows only its number
    faulthandler.disable()  # Ray has handlers of its own; ours must come first
    faulthandler.enable(file=file, all_threads=True)
    faulthandler.register(signal.SIGUSR1, file=file, all_threads=True)


@dataclass(frozen=True, kw_only=True)
class LastWords:
    """What a worker's file says."""

    pid: int | None
    """None: the process did not get as far as to write it."""
    text: str
    """Where its threads were, or ""."""

    @classmethod
    def read(cls, path: Path) -> LastWords:
        """Return what the file says, as far as there is one."""
        try:
            first, _, rest = path.read_text(errors="replace").partition("\n")
        except OSError:
            return cls(pid=None, text="")
        pid = first.removeprefix("pid ")
        return cls(pid=int(pid) if pid.isdigit() else None, text=rest.strip())

    @property
    def signal(self) -> str:
        """The signal that the process died of: "SIGSEGV" where it says so, else "SIGKILL", which nobody outlives."""
        line = next((line for line in self.text.splitlines() if line.startswith(_prefix)), "")
        return _fatal.get(line.removeprefix(_prefix).strip(), "SIGABRT") if line else "SIGKILL"


def put_down(path: Path) -> LastWords:
    """Kill the process of a file, however it is stuck, and return where its threads were if it could still say so."""
    words = ask(path)
    if words.pid is not None:
        with contextlib.suppress(OSError):
            os.kill(words.pid, signal.SIGKILL)
    return words


def ask(path: Path) -> LastWords:
    """Let a live process write where its threads are, and return that; nothing when it does not answer."""
    before = LastWords.read(path)
    if before.pid is None:
        return before
    try:
        os.kill(before.pid, signal.SIGUSR1)
    except OSError:
        return before
    deadline = time.monotonic() + _dump_seconds
    words = before
    while time.monotonic() < deadline and not words.text:
        time.sleep(0.05)
        words = LastWords.read(path)
    time.sleep(0.05)  # for the rest of it
    return LastWords.read(path)


def oom_kills(counters: Path = Path("/proc/vmstat")) -> int:
    """Return how many processes this machine's kernel has killed for want of memory; 0 where it does not count."""
    try:
        lines = counters.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
