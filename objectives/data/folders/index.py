"""Which image file has which class, in which part."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from natsort import natsorted

from objectives.data.folders.given import GivenParts, given_layout
from objectives.data.folders.layout import PARTS, Part, find_layout, is_plain, unwrapped
from objectives.data.folders.tree import Folder, Found, printable, walk
from objectives.data.records import BadFile

NOT_LABELS = frozenset({"nan", "none", "null", "na", "n/a", "?"})


@dataclass(frozen=True, kw_only=True)
class ImageFile:
    """One image file with its class and part."""

    path: Path
    shown: str
    """Relative to the data folder, fit to print."""
    label: str
    part: Part


@dataclass(frozen=True, kw_only=True)
class ImageIndex:
    """All the image files of a dataset."""

    classes: tuple[str, ...]
    """Of the training images, in natural order."""
    files: tuple[ImageFile, ...]
    ignored: tuple[BadFile, ...] = ()
    """Files that are not part of the data, each with the reason."""
    empty_classes: tuple[str, ...] = ()
    """Folders that look like a class and hold no image: "train/dog"."""
    problems: tuple[str, ...] = ()
    """Why a search cannot use these data; empty where it can."""
    notes: tuple[str, ...] = ()
    """What was understood or left out and may surprise."""
    missing: str = ""
    """Which files a CSV lists that do not exist, with where they were looked for; empty where all do."""

    def of(self, part: Part) -> tuple[ImageFile, ...]:
        """The files of one part."""
        return tuple(file for file in self.files if file.part == part)


def index_folder(root: Path, *, given: GivenParts | None = None) -> ImageIndex:
    """Index a folder per class, with or without train, val and test around or inside the classes.

    A test folder without class folders is matched by its file names: "bart_simpson_12.jpg" is of
    the longest class that it names.

    Args:
        root: The folder.
        given: The parts by folder, where the user gave them; None: found from the names.

    Raises:
        DataError: a folder can't be listed.
        UsageError: there is no folder that is given.
    """
    tree, passed_over = walk(root)
    layout = given_layout(tree, given) if given else find_layout(tree)
    files: list[ImageFile] = []
    ignored = list(passed_over)
    notes: list[str] = []
    empty: list[str] = []
    classes: tuple[str, ...] = ()
    for part in PARTS:
        if part != "train":
            unclear = [folder.shown for folder in layout.parts[part] if not given and not is_plain(folder.name)]
            notes += [f"{shown} is used as the {part} part" for shown in unclear]
        for folder in (unwrapped(folder, classes=classes) for folder in layout.parts[part]):
            by_name = part != "train" and not folder.filled
            if by_name:
                found, unmatched = _labelled_by_name(folder.images, classes, part)
            else:
                found = [_file(image, label.name, part) for label in folder.filled for image in label.all_images]
                unmatched = [BadFile(path=image.shown, problem="beside the class folders") for image in folder.images]
                empty += [label.shown.rstrip("/") for label in folder.folders if not label.all_images]
            files += found
            ignored += unmatched
            if unmatched:
                notes.append(_unlabelled(folder, len(unmatched), such_as=unmatched[0].path))
        if part == "train":
            classes = tuple(natsorted({file.label for file in files}))
    for folder in layout.left_out:
        ignored += [BadFile(path=image.shown, problem="in a folder without classes") for image in folder.all_images]
        notes.append(_unlabelled(folder, len(folder.all_images), such_as=folder.all_images[0].shown))
    return finished(
        files,
        ignored=ignored,
        empty_classes=empty,
        problems=[layout.problem] if layout.problem else [],
        notes=notes,
    )


def finished(
    files: Sequence[ImageFile],
    *,
    ignored: Sequence[BadFile] = (),
    empty_classes: Sequence[str] = (),
    problems: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> ImageIndex:
    """Return the index of some files, with its classes and what prevents a search."""
    classes = tuple(natsorted({file.label for file in files if file.part == "train"}))
    found = list(problems)
    if not files and not found:
        found.append("no image with a class: a folder for each class is needed, such as cats/ and dogs/")
    elif files and len(classes) < 2:
        found.append(f"{len(classes)} class to train on ({', '.join(classes)}): two or more are needed")
    for part in ("validation", "test"):
        strange = natsorted({file.label for file in files if file.part == part} - set(classes))
        if strange:
            found.append(f"classes in {part} without a training image: {', '.join(strange[:5])}")
    return ImageIndex(
        classes=classes,
        files=tuple(files),
        ignored=tuple(ignored),
        empty_classes=tuple(empty_classes),
        problems=tuple(found),
        notes=(*notes, *label_notes(Counter(file.label for file in files))),
    )


def label_notes(counts: Mapping[str, int]) -> Iterator[str]:
    """Say which labels may not be what they seem; `counts` are images by label."""
    spellings: dict[str, list[str]] = defaultdict(list)
    for label in natsorted(counts):
        spellings[label.casefold()].append(label)
    alike = [" and ".join(labels) for labels in spellings.values() if len(labels) > 1]
    if alike:
        yield f"classes that differ only in capitals are different classes: {', '.join(alike)}"
    missing = [f"{label} ({counts[label]})" for label in counts if label.casefold() in NOT_LABELS]
    if missing:
        yield f"labels that look like missing values are classes (images): {', '.join(missing)}"
    several = [label for label in natsorted(counts) if _holds_several(label, counts)]
    if several:
        yield f"labels that look like several are one class each: {', '.join(several[:3])}"


def _holds_several(label: str, counts: Mapping[str, int]) -> bool:
    """Whether a label is perhaps a list: "dog|fox"; "dog fox" and "dog, fox" beside "dog" and "fox"."""
    pieces = [piece.strip(" '\"") for piece in re.split(r"[|;,]", label.strip("[]"))]
    if len(pieces) > 1 and (label.startswith("[") or re.search(r"[|;]", label)):
        return all(pieces)
    words = label.split()
    return (len(pieces) > 1 and bool({*pieces} & counts.keys())) or (len(words) > 1 and {*words} <= counts.keys())


def _unlabelled(folder: Folder, images: int, *, such_as: str) -> str:
    where = folder.shown or "the top folder"
    return (
        f"{images} image{'' if images == 1 else 's'} in {where} left out, since no class folder or file name gives "
        f"their class, such as {such_as}; `python -m search predict` can classify them"
    )


def classes_in_name(stem: str, classes: Iterable[str]) -> list[str]:
    """The longest classes that a file's name holds as whole words; usually one.

    "bart_simpson_12" holds "bart_simpson" and "bart", of which the first is longer; "cat12" holds
    "cat"; "concatenation" does not.
    """
    text = _words(stem)
    held = [label for label in classes if re.search(rf"(?<![^\W_]){re.escape(_words(label))}(?![^\W\d_])", text)]
    longest = max(map(len, held), default=0)
    return [label for label in held if len(label) == longest]


def _labelled_by_name(
    images: Iterable[Found], classes: tuple[str, ...], part: Part
) -> tuple[list[ImageFile], list[BadFile]]:
    found: list[ImageFile] = []
    unmatched: list[BadFile] = []
    for image in images:
        match classes_in_name(printable(image.path.stem), classes):
            case [label]:
                found.append(_file(image, label, part))
            case labels:
                problem = f"names several classes: {', '.join(labels)}" if labels else "names no class"
                unmatched.append(BadFile(path=image.shown, problem=problem))
    return found, unmatched


def _file(image: Found, label: str, part: Part) -> ImageFile:
    return ImageFile(path=image.path, shown=image.shown, label=label, part=part)


def _words(name: str) -> str:
    return re.sub(r"[\W_]+", "_", name.casefold()).strip("_")
