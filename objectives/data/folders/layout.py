"""Folder layouts: which folders are train, validation and test, and which are classes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from objectives.data.folders.tree import Folder

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
PartFolders = Mapping[Part, tuple[Folder, ...]]
"""The folders of each part; classes (or images) lie directly inside them."""

_WORDS: Mapping[str, Part] = {
    "train": "train", "training": "train", "trainset": "train", "trn": "train",
    "val": "validation", "valid": "validation", "validation": "validation", "valset": "validation", "dev": "validation",
    "test": "test", "testing": "test", "testset": "test", "tst": "test",
}  # fmt: skip
_EVALUATION = frozenset({"eval", "evaluation", "evalset", "holdout", "heldout"})
"""The test part, or the validation part beside one that is called test."""
SAME_CLASSES_SHOWN = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout:
    """How a folder of images is to be read."""

    parts: PartFolders
    left_out: tuple[Folder, ...] = ()
    """Folders beside the parts that are neither a part nor a class."""
    problem: str = ""
    """Why the layout is not clear, with what to do."""


def part_named(name: str) -> Part | None:
    """The part that a name stands for: "train" for "seg_train", None for "cats"."""
    return parts_of_names([name])[name]


def parts_of_names(names: Iterable[str]) -> dict[str, Part | None]:
    """The part that each of some names stands for, when they lie beside each other."""
    words = {name: set(re.split(r"[\W_]+", name.lower())) for name in names}
    parts: dict[str, Part | None] = {}
    for name, its_words in words.items():
        found = {_WORDS[word] for word in its_words if word in _WORDS}
        parts[name] = found.pop() if len(found) == 1 else None
    for name, its_words in words.items():
        if {*its_words, re.sub(r"[\W_]+", "", name.lower())} & _EVALUATION and not any(
            word in _WORDS for word in its_words
        ):
            free: list[Part] = [part for part in ("test", "validation") if part not in parts.values()]
            parts[name] = free[0] if free else None
    return parts


def is_plain(name: str) -> bool:
    """Whether a name says by itself which part it is; "eval" does not."""
    return any(word in _WORDS for word in re.split(r"[\W_]+", name.lower()))


def find_layout(tree: Folder) -> Layout:
    """Find the parts of a folder of images.

    train/, val/ and test/ may lie around the classes or inside each, below folders that only wrap
    another. A folder of classes beside test/ is train; so are class folders beside test/. A class
    may be called "train": it then holds images, not classes, or lies beside classes. Without parts,
    all is train.
    """
    while True:
        layout = _parts_among(tree.filled) or _parts_inside_classes(tree) or _doubtful(tree) or _classes_and_parts(tree)
        if layout is not None:
            flat = Folder(name=tree.name, shown=tree.shown, folders=(), images=tree.images)
            return replace(layout, left_out=(*layout.left_out, flat)) if tree.images else layout
        if tree.images or len(tree.filled) != 1 or not tree.filled[0].filled:
            return Layout(parts=_all_train(tree))
        tree = tree.filled[0]


def unwrapped(folder: Folder, *, classes: tuple[str, ...] = ()) -> Folder:
    """Return the folder of classes (or of images) that a folder is, or merely wraps.

    Args:
        folder: Perhaps with nothing but one other folder inside.
        classes: Names that are not a wrapper.
    """
    while not folder.images and len(folder.filled) == 1 and folder.filled[0].name not in classes:
        (inner,) = folder.filled
        if not inner.filled and not classes:
            break  # images directly inside: the only class
        folder = inner
    return folder


def _all_train(tree: Folder) -> PartFolders:
    return {"train": (tree,), "validation": (), "test": ()}


def _parts_among(folders: tuple[Folder, ...]) -> Layout | None:
    parts_of = parts_of_names(folder.name for folder in folders)
    named = [(folder, parts_of[folder.name]) for folder in folders]
    left_out: tuple[Folder, ...] = ()
    if "train" not in parts_of.values():
        if len(folders) > 1:
            named = [(folder, part or "train") for folder, part in named]  # "simpsons" beside "simpsons_testset"
    elif any(part == "train" and len(unwrapped(folder).filled) > 1 for folder, part in named):
        others = tuple(folder for folder, part in named if part is None and not folder.filled)
        alike = _share_classes([folder for folder, part in named if part is not None])
        left_out = others if len(others) == 1 or alike else ()  # else they are classes, and train is one as well
    parts: dict[Part, tuple[Folder, ...]] = {
        part: tuple(folder for folder, its_part in named if its_part == part) for part in PARTS
    }
    whole = sum(map(len, parts.values())) + len(left_out) == len(folders)
    unnamed_train = [folder for folder in parts["train"] if parts_of[folder.name] is None]
    if not whole or len(unnamed_train) > 1 or not parts["train"]:
        return None
    if any(unwrapped(folder).filled for folder in parts["train"]):
        return Layout(parts=parts, left_out=left_out)
    if len(folders) > 1 and not unnamed_train:
        names = " and ".join(folder.shown for folder in folders)
        return _unclear(
            f"{names} hold images without class folders: put them into a folder for each class, such as "
            "train/cats/ and train/dogs/, or list them in a CSV of path,label (if these folders are the classes: "
            "--parts train=.)"
        )
    return None


def _classes_and_parts(tree: Folder) -> Layout | None:
    """Class folders beside val/ or test/, which are not classes: OK/, NG/ and test/."""
    parts_of = parts_of_names(folder.name for folder in tree.filled)
    classes = tuple(folder for folder in tree.filled if parts_of[folder.name] in (None, "train"))
    others: dict[Part, tuple[Folder, ...]] = {
        part: tuple(folder for folder in tree.filled if parts_of[folder.name] == part)
        for part in ("validation", "test")
    }
    if len(classes) < 2 or not any(others.values()):
        return None
    train = Folder(name="train", shown=tree.shown, folders=classes, images=())
    return Layout(parts={"train": (train,), **others})


def _doubtful(tree: Folder) -> Layout | None:
    """Folders of folders that may be parts with names of their own, or classes."""
    inner = [folder for folder in tree.filled if len(_class_names(folder)) > 1]
    shared = _share_classes(inner)
    if shared:
        classes = ", ".join(shared[:SAME_CLASSES_SHOWN])
        first, second, *_ = sorted(inner, key=lambda folder: part_named(folder.name) != "train")
        return _unclear(
            f"{' and '.join(folder.shown for folder in inner)} hold the same folders "
            f"({classes}{', ...' if len(shared) > SAME_CLASSES_SHOWN else ''}): parts of the data, or classes?\n"
            f"If they are parts, give each: {_options(train=first, test=second)}.\n"
            f"If they are classes: {_options(train=tree)}"
        )
    training = [folder for folder in inner if part_named(folder.name) == "train"]
    beside = [folder for folder in inner if part_named(folder.name) is None]
    if training and beside:
        return _unclear(
            f"{training[0].shown} holds folders, as the training part of a dataset does, but {beside[0].shown} beside "
            f"it is not a part.\nIf it is one: {_options(train=training[0], test=beside[0])}.\n"
            f"To leave it out: {_options(train=training[0])}. If both are classes: {_options(train=tree)}"
        )
    return None


def _class_names(folder: Folder) -> set[str]:
    return {label.name for label in unwrapped(folder).filled}


def _share_classes(folders: Sequence[Folder]) -> list[str]:
    """The class folders that all of two or more folders hold, where they are at least half of the most that one has."""
    names = [_class_names(folder) for folder in folders]
    shared = sorted(set.intersection(*names)) if len(names) > 1 else []
    return shared if len(shared) > 1 and 2 * len(shared) >= max(map(len, names)) else []


def _options(**parts: Folder) -> str:
    """The options that make these folders the parts, to copy into a command line."""
    given = [f"{part}={folder.shown.rstrip('/') or '.'}" for part, folder in parts.items()]
    return " ".join(f"--parts {shlex.quote(text)}" for text in given)


def _unclear(problem: str) -> Layout:
    return Layout(parts={"train": (), "validation": (), "test": ()}, problem=problem)


def _parts_inside_classes(tree: Folder) -> Layout | None:
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

    return Layout(parts={part: gathered(part) for part in PARTS})
