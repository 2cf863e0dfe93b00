"""A folder of what can be made again: whatever nobody has used for 30 days goes when something is added."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

UNUSED_SECONDS = 30 * 24 * 3600.0


def mark_used(path: Path) -> None:
    """Note that a file or folder of a cache is used now; one that may only be read keeps its time."""
    with contextlib.suppress(OSError):
        os.utime(path)


def remove_unused(folder: Path, *, now: Path) -> None:
    """Remove what was used last 30 days or more before something else was.

    Who has opened a file that goes can read on. What can't be removed stays.

    Args:
        folder: a cache; each entry, file or folder, has been marked when it was used.
        now: one of its entries, just marked or written.
    """
    with contextlib.suppress(OSError):
        newest = now.stat().st_mtime
        for path in folder.iterdir():
            if newest - path.stat().st_mtime < UNUSED_SECONDS:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
