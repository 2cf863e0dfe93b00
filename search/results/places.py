"""Where the files lie that a study's settings name, also when its commands run in another folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from objectives.data.sources.catalogue import NAMES
from reports.stored.records import RunRecord
from search.results.run_folder import RunFolder
from search.settings import OPTIONS, run_command
from spaces.catalogue import find_space
from spaces.errors import UsageError
from spaces.space import Space, is_path

NAMED = ("space", "data", "backbone", "storage")
"""Settings that may name a file or a folder."""
_SQLITE = "sqlite:///"


def absolute_places(options: Mapping[str, object]) -> dict[str, str]:
    """Return those of the options that name a file or a folder, with its absolute path.

    A name of which there is no file is left out, but for a database, which is made later.
    """
    found = {}
    for name in NAMED:
        before, path = _split(name, str(options.get(name) or ""))
        if _exists(path) or before == _SQLITE:
            found[name] = f"{before}{Path(path).absolute()}"
    return found


def places_now(folder: RunFolder, record: RunRecord, names: Iterable[str] = NAMED) -> dict[str, str]:
    """Return where the files lie that a study's settings name: where they were, or as seen from the working folder.

    Args:
        folder: the study's.
        record: its record.
        names: the settings that are needed.

    Raises:
        UsageError: a file is in neither place; names both.
    """
    found = {}
    for name in names:
        if (place := record.places.get(name)) is None:
            continue
        typed = str(record.settings.get(name))
        before, (place, here) = _split(name, typed)[0], (_absolute(name, text) for text in (place, typed))
        if not (_exists(place) or _exists(here)):
            flag = OPTIONS[name].flag
            raise UsageError(
                f"{flag} {typed} of study '{folder.path.name}' is neither {place}\n"
                f"nor {here}: move it back, or name its new place:\n"
                f"  {run_command(folder.path.name, str(folder.path.parent))} {flag} ..."
            )
        found[name] = before + (place if _exists(place) else here)
    return found


def find_space_at(name: str, place: str | None) -> Space:
    """Return the space of that name, whose file lies in `place`; None: wherever `find_space` finds it.

    Raises:
        UnknownNameError, SpaceError: as `find_space`.
    """
    if place is None or is_path(name):
        return find_space(place or name)
    return find_space(name, folder=Path(place).parents[name.count(".")])


def place_of(name: str, typed: str, places: Mapping[str, str]) -> str:
    """Return where the file lies that a setting names: as it was typed, where this is still right."""
    place = places.get(name, typed)
    return typed if absolute_places({name: typed}).get(name) == place else place


def storage_of(folder: RunFolder, record: RunRecord) -> object:
    """Return the reference to a study's database; None: it is in the run folder. Raises as `places_now`."""
    return places_now(folder, record, ("storage",)).get("storage", record.settings.get("storage"))


def _absolute(name: str, text: str) -> str:
    return str(Path(_split(name, text)[1]).absolute())


def _exists(path: str) -> bool:
    return bool(path) and os.path.exists(path)  # noqa: PTH110  # False for a name that no file may have


def _split(name: str, text: str) -> tuple[str, str]:
    """Return what stands before the path in a setting, and the path; "" where it names no file.

    A dotted module is a path from the working folder.
    """
    before, path = "", ""
    match name:
        case "space" if is_path(text):
            path = text
        case "space" if "." in text:
            path = f"{text.replace('.', '/')}.py"
        case "data" if text not in NAMES:
            path = text
        case "backbone" if text.endswith(".keras"):
            path = text
        case "backbone" if text.endswith(".h5"):
            before, colon, path = text.partition(":")
            before += colon
        case "storage":
            before = next((kind for kind in (_SQLITE, "file:") if text.startswith(kind)), "")
            path = text.removeprefix(before) if before else ""
    return before, os.path.expanduser(path)  # noqa: PTH111  # "~" and an unknown name stay as they are
