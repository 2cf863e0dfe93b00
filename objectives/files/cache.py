"""A cache folder: entries unused for 30 days are removed when something is added."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

UNUSED_SECONDS = 30 * 24 * 3600.0


def mark_used(path: Path) -> None:
    """Record that a cache entry is used now, unless it is read-only."""
    with contextlib.suppress(OSError):
        os.utime(path)


def remove_unused(folder: Path, *, now: Path) -> None:
    """Remove entries last used 30 days or more before the newest one.

    A process that has such a file open can still read it. Entries that can't be removed stay.

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
