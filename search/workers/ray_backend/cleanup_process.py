"""Removes what a killed driver leaves: a small process, run as a script.

When a driver is killed, Ray's servers die with it, but its agents wait a minute for them, and the
session's folder stays. This process waits for its stdin to close, which happens when the driver ends,
in whatever way.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

import psutil

_orderly_end_seconds = 2.0


def main(folder: Path) -> None:
    """Wait for the driver's end, then end the processes that write into the folder and remove it."""
    sys.stdin.read()
    if not folder.exists():
        return
    time.sleep(_orderly_end_seconds)
    while left := _processes_writing_into(folder):
        for process in left:
            process.kill()
        psutil.wait_procs(left, timeout=1)
    shutil.rmtree(folder, ignore_errors=True)


def _processes_writing_into(folder: Path) -> list[psutil.Process]:
    return [process for process in psutil.process_iter() if _writes_into(process, folder)]


def _writes_into(process: psutil.Process, folder: Path) -> bool:
    try:
        return any(Path(file.path).is_relative_to(folder) for file in process.open_files())
    except psutil.Error:  # it has ended, or belongs to another user
        return False


if __name__ == "__main__":
    main(Path(sys.argv[1]))
