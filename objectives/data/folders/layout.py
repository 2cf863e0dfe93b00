"""How people lay out train, validation and test: which folders are parts, which are classes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from objectives.data.folders.tree import Folder

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
PartFolders = Mapping[Part, tuple[Folder, ...]]
"""The folders of each part; classes (or images) lie right inside them."""

_WORDS: Mapping[str, Part] = {
    "train": "train", "training": "train", "trainset": "train",
    "val": "validation", "valid": "validation", "validation": "validation", "valset": "validation", "dev": "validation",
    "test": "test", "testing": "test", "testset": "test",
}  # fmt: skip


def part_named(name: str) -> Part | None:
    """The part that a name stands for: "train" for "seg_train", None for "cats"."""
    parts = {_WORDS[word] for word in re.split(r"[\W_]+", name.lower()) if word in _WORDS}
    return parts.pop() if len(parts) == 1 else None


def part_folders(tree: Folder) -> PartFolders:
    """Find the parts of a folder of images.

    train/, val/ and test/ may lie around the classes or inside each, below folders that only wrap
    another. A folder of classes beside test/ is train. A class may be called "train": it then
    holds images, not classes, or lies beside classes. Without parts, all is train.
    """
    while True:
        parts = _parts_among(tree.filled)
        if parts is not None:
            return parts
        if tree.images or len(tree.filled) != 1 or not tree.filled[0].filled:
            return _parts_inside_classes(tree) or {"train": (tree,), "validation": (), "test": ()}
        tree = tree.filled[0]


def unwrapped(folder: Folder, *, classes: tuple[str, ...] = ()) -> Folder:
    """Return the folder of classes (or of images) that a folder is, or merely wraps.

    Args:
        folder: Perhaps with nothing but one other folder inside.
        classes: Names that are no wrapper.
    """
    while not folder.images and len(folder.filled) == 1 and folder.filled[0].name not in classes:
        (inner,) = folder.filled
        if not inner.filled and not classes:
            break  # images right inside: the only class
        folder = inner
    return folder


def _parts_among(folders: tuple[Folder, ...]) -> PartFolders | None:
    named = [(folder, part_named(folder.name)) for folder in folders]
    if "train" not in (part for _, part in named) and len(folders) > 1:
        named = [(folder, part or "train") for folder, part in named]  # "simpsons" beside "simpsons_testset"
    parts: dict[Part, tuple[Folder, ...]] = {
        part: tuple(folder for folder, its_part in named if its_part == part) for part in PARTS
    }
    whole = sum(map(len, parts.values())) == len(folders)
    unnamed_train = [folder for folder in parts["train"] if part_named(folder.name) is None]
    if not whole or len(unnamed_train) > 1 or not parts["train"]:
        return None
    return parts if any(unwrapped(folder).filled for folder in parts["train"]) else None


def _parts_inside_classes(tree: Folder) -> PartFolders | None:
    inner = [(label, folder, part_named(folder.name)) for label in tree.filled for folder in label.filled]
    parts = {part for *_, part in inner}
    if "train" not in parts or None in parts or any(label.images for label in tree.filled):
        return None

    def gathered(wanted: Part) -> tuple[Folder, ...]:
        classes = tuple(
            Folder(name=label.name, shown=folder.shown, folders=folder.folders, images=folder.images)
            for label, folder, part in inner
            if part == wanted
        )
        return (Folder(name=wanted, shown=tree.shown, folders=classes, images=()),) if classes else ()

    return {part: gathered(part) for part in PARTS}
