"""What the last run of a study left: the end of its log, its summary."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reports.stored import layout
from search.results.run_folder import RunFolder
from spaces.records import parse

_longest_line = 4096


def last_line(log: Path) -> str | None:
    """Return the last line of a log; None where there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _longest_line))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return None
    return lines[-1] if lines else None


def last_end(folder: RunFolder) -> dict[str, Any]:
    """Return the summary of the last run that ended in order; empty where there is none."""
    try:
        stored = parse((folder.path / layout.SUMMARY).read_text())
    except (OSError, ValueError):
        return {}
    return stored if isinstance(stored, dict) else {}


def seconds_total(last: Mapping[str, Any]) -> float:
    """Of the last run that ended in order; an upper bound is not known for one that did not."""
    try:
        return float(last["seconds"]["total"])
    except (ValueError, KeyError, TypeError):
        return 0.0
