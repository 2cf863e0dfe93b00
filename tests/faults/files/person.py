"""Somebody who runs a search, and what of them is found in a run folder."""

from __future__ import annotations

import zipfile
from pathlib import Path

PERSON = {"user and home": b"quetzalcoatl", "host": b"hostcanary", "environment": b"envcanary"}
"""What a search is told of who runs it, and need not tell anybody else."""
THEIRS = ("settings.json", "log.txt", "workers.log")
"""Files of a run folder that keep paths as they were typed, to go on with them, and what libraries say."""


def telling_of_the_person(run: Path) -> set[tuple[str, str]]:
    """Return (file, what it tells) of a run folder, but for the files that are the person's own."""
    files = [path for path in run.rglob("*") if path.is_file() and path.name not in THEIRS]
    assert {"report.html", "result.json", "recipe.json"} <= {path.name for path in files}
    contents = {str(path.relative_to(run)): _content_of(path) for path in files}
    return {(name, kind) for name, held in contents.items() for kind, word in PERSON.items() if word in held}


def _content_of(path: Path) -> bytes:
    """Return a file's bytes; those of an archive unpacked."""
    if not zipfile.is_zipfile(path):
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        return b"".join(archive.read(name) for name in archive.namelist())
