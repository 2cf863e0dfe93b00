"""Parts as a user names them with `--parts`, where names of folders do not say what they are."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterator, Mapping, Sequence

from objectives.data.folders.layout import PARTS, Layout, Part, PartFolders
from objectives.data.folders.tree import Folder
from spaces.errors import UsageError

GivenParts = Mapping[str, Part]
"""By folder ("data/monday", "." for the whole) or by the text in a CSV's column of parts."""
_WORDS: Mapping[str, Part] = {part: part for part in PARTS} | {"val": "validation"}


def read_parts(texts: Sequence[str]) -> GivenParts:
    """Return the parts that texts such as "train=monday" give.

    Raises:
        UsageError: a text has another form, or gives one name to two parts.
    """
    given: dict[str, Part] = {}
    for text in texts:
        word, _, name = text.partition("=")
        part, name = _WORDS.get(word.strip().lower()), name.strip().strip("/")
        if part is None or not name or given.get(name, part) != part:
            raise UsageError(
                f"invalid --parts {text!r}: expected train=FOLDER, val=FOLDER or test=FOLDER, each folder once; "
                "train=. where the folders are the classes"
            )
        given[name] = part
    return given


def given_layout(tree: Folder, given: GivenParts) -> Layout:
    """Return the layout of a folder whose parts are given; everything else is left out.

    Raises:
        UsageError: there is no such folder, or none trains.
    """
    if "train" not in given.values():
        shown = ",".join(f"{part}={name}" for name, part in given.items())
        raise UsageError(f"invalid --parts {shown!r}: expected a folder that trains, such as train=.")
    folders = {name: _found(tree, name) for name in given}
    used = {folder.shown for folder in folders.values()}
    parts: PartFolders = {
        part: tuple(_without(folders[name], used) for name in given if given[name] == part) for part in PARTS
    }
    return Layout(parts=parts, left_out=tuple(_others(tree, used)))


def _found(tree: Folder, name: str) -> Folder:
    folder = tree
    for step in name.split("/"):
        inner = {inner.name: inner for inner in folder.filled} | {".": folder}
        if step not in inner:
            there = ", ".join(one.shown.rstrip("/") for one in folder.filled[:10]) or "a folder with images"
            raise UsageError(f"invalid --parts {name!r}: expected a folder inside the data, such as {there}")
        folder = inner[step]
    return folder


def _without(folder: Folder, used: Container[str]) -> Folder:
    """Return a folder less those below it that have a part of their own; `used` holds how they are shown."""
    inner = tuple(_without(one, used) for one in folder.folders if one.shown not in used)
    return Folder(name=folder.name, shown=folder.shown, folders=inner, images=folder.images)


def _others(folder: Folder, used: Collection[str]) -> Iterator[Folder]:
    """Yield what lies outside the folders that have a part."""
    if folder.shown in used or not folder.all_images:
        return
    if not any(shown.startswith(folder.shown) for shown in used):
        yield folder
        return
    if folder.images:
        yield Folder(name=folder.name, shown=folder.shown, folders=(), images=folder.images)
    for inner in folder.folders:
        yield from _others(inner, used)
