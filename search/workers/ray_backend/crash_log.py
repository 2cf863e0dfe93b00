"""Crash log of a worker's process: the signal that killed it, and the stacks of its threads.

Ray reports of most deaths only that the connection ended. So each worker on this machine keeps a file open, into
which Python's `faulthandler` writes when the process receives a fatal signal, or SIGUSR1 to dump its stacks. SIGKILL
alone leaves no trace; the kernel's counter shows whether its out-of-memory killer sent it.
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


def enable(path: Path) -> None:
    """Write the crash log of this process into a file; called in a worker, once."""
    file = path.open("w")
    file.write(f"pid {os.getpid()}\n")
    file.flush()
    _open.append(file)  # keeps it open: faulthandler holds only its descriptor
    faulthandler.disable()  # Ray has handlers of its own; ours must come first
    faulthandler.enable(file=file, all_threads=True)
    faulthandler.register(signal.SIGUSR1, file=file, all_threads=True)


@dataclass(frozen=True, kw_only=True)
class CrashLog:
    """Content of a crash log."""

    pid: int | None
    """None: the process ended before it could write it."""
    text: str
    """Stacks of its threads, or ""."""

    @classmethod
    def read(cls, path: Path) -> CrashLog:
        """Return the content of a file, empty where there is none."""
        try:
            first, _, rest = path.read_text(errors="replace").partition("\n")
        except OSError:
            return cls(pid=None, text="")
        pid = first.removeprefix("pid ")
        return cls(pid=int(pid) if pid.isdigit() else None, text=rest.strip())

    @property
    def signal(self) -> str:
        """The signal that killed the process: the one that the log names, such as "SIGSEGV", else "SIGKILL"."""
        line = next((line for line in self.text.splitlines() if line.startswith(_prefix)), "")
        return _fatal.get(line.removeprefix(_prefix).strip(), "SIGABRT") if line else "SIGKILL"


def kill_with_traceback(path: Path) -> CrashLog:
    """Kill the process of a crash log, however it hangs, and return the stacks that it could still dump."""
    log = dump_stacks(path)
    if log.pid is not None:
        with contextlib.suppress(OSError):
            os.kill(log.pid, signal.SIGKILL)
    return log


def dump_stacks(path: Path) -> CrashLog:
    """Let the process of a crash log dump its stacks, and return the log; its text is empty if it does not answer."""
    log = CrashLog.read(path)
    if log.pid is None:
        return log
    try:
        os.kill(log.pid, signal.SIGUSR1)
    except OSError:
        return log
    deadline = time.monotonic() + _dump_seconds
    while time.monotonic() < deadline and not CrashLog.read(path).text:
        time.sleep(0.05)
    time.sleep(0.05)  # for the rest of the text
    return CrashLog.read(path)


def oom_kills(counters: Path = Path("/proc/vmstat")) -> int:
    """Return how many processes the kernel has killed for lack of memory; 0 where it does not count them."""
    try:
        lines = counters.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
