"""A folder of images as it lies on disk: folders, image files, and what is ignored."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from natsort import natsorted

from objectives.data.images.decoding import EXTENSIONS
from objectives.data.records import BadFile
from spaces.errors import DataError

DEEPEST = 32
UNSEEN = frozenset({"thumbs.db", "desktop.ini", "__macosx"})


@dataclass(frozen=True, kw_only=True)
class Found:
    """A file with an image's ending."""

    path: Path
    shown: str
    """Relative to the data folder, fit to print."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Folder:
    """A folder with what lies in it; folders are in natural order."""

    name: str
    """Fit to print; scripts and accents as typed, in Unicode's composed form (NFC)."""
    shown: str
    """Relative to the data folder, fit to print; ends with "/" unless it is that folder."""
    folders: tuple[Folder, ...]
    images: tuple[Found, ...]

    @cached_property
    def all_images(self) -> tuple[Found, ...]:
        """The images here and in every folder below."""
        return self.images + tuple(image for folder in self.folders for image in folder.all_images)

    @cached_property
    def filled(self) -> tuple[Folder, ...]:
        """The folders with an image somewhere in them."""
        return tuple(folder for folder in self.folders if folder.all_images)


def printable(name: str) -> str:
    """Return a file's name such that it can be printed, stored as UTF-8 and compared between systems."""
    if name.isascii() and name.isprintable():
        return name
    shown = (c if unicodedata.category(c) not in ("Cc", "Cs") else c.encode("unicode_escape").decode() for c in name)
    return unicodedata.normalize("NFC", "".join(shown))


def walk(root: Path) -> tuple[Folder, tuple[BadFile, ...]]:
    """Read a folder with all that is below it.

    Hidden files, Thumbs.db and the like are not there. A link to a folder inside `root` is an
    alias, one to a folder that contains it a loop: both are passed over.

    Returns:
        The folder, and what was passed over with the reason.

    Raises:
        DataError: `root` or a folder below it can't be listed.
    """
    ignored: list[BadFile] = []
    top = root.resolve()

    def read(path: str, name: str, shown: str, above: frozenset[Path]) -> Folder:
        folders: list[Folder] = []
        images: list[Found] = []
        for entry in _entries(path):
            inner = shown + printable(entry.name)
            problem = _reason_to_ignore(entry, top=top, above=above)
            if problem:
                ignored.append(BadFile(path=inner, problem=problem))
            elif entry.is_dir():
                folders.append(read(entry.path, printable(entry.name), f"{inner}/", above | {Path(entry).resolve()}))
            else:
                images.append(Found(path=Path(entry), shown=inner))
        in_order = natsorted(folders, key=lambda folder: folder.name)
        return Folder(name=name, shown=shown, folders=tuple(in_order), images=tuple(images))

    return read(os.fspath(root), printable(root.name), "", frozenset({top})), tuple(ignored)


def _entries(path: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            seen = [entry for entry in entries if not entry.name.startswith(".") and entry.name.lower() not in UNSEEN]
    except OSError as error:
        raise DataError(f"{printable(path)} can't be listed: {error.strerror}") from error
    return sorted(seen, key=lambda entry: entry.name)


def _reason_to_ignore(entry: os.DirEntry[str], *, top: Path, above: frozenset[Path]) -> str | None:
    try:
        is_folder, is_file = entry.is_dir(), entry.is_file()
    except OSError as error:  # of its target: links that lead to each other, a folder that is closed to us
        return f"a link that can't be followed: {error.strerror}"
    if is_folder:
        if entry.is_symlink():
            target = Path(entry).resolve()
            if target in above or top.is_relative_to(target):
                return "a link that leads back to a folder around it"
            if target.is_relative_to(top):
                return "a link to a folder that is read anyway"
        return f"folders nested more than {DEEPEST} deep" if len(above) > DEEPEST else None
    if not is_file:
        return "a link to nothing" if entry.is_symlink() else "not a regular file"
    _, dot, ending = entry.name.rpartition(".")
    if f".{ending.lower()}" in EXTENSIONS:
        return None
    return f".{printable(ending)} is not an image format that Tamiz reads" if dot else "no ending such as .jpg or .png"
