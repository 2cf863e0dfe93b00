"""The names that people give to arrays in an `.npz` file: which are images or labels, and of which part."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from objectives.data.folders.layout import PARTS, Part, parts_of_names
from spaces.errors import DataError

ACCEPTED = "x_train and y_train, or train_images and train_labels; also with val and test"
_IMAGES = frozenset({"x", "image", "images", "img", "imgs", "data", "pixels"})
_LABELS = frozenset({"y", "label", "labels", "target", "targets"})
_NOISE = frozenset({"set"})

Role = Literal["images", "labels"]


@dataclass(frozen=True, kw_only=True)
class NamedArrays:
    """The names of the arrays to use."""

    parts: Mapping[Part, tuple[str, str]]
    """Images and labels of each part."""
    unused: tuple[str, ...]
    unlabelled: tuple[str, ...]
    """Images of a part other than train, without labels."""


def understand(names: Sequence[str], *, shapes: Mapping[str, tuple[int, ...]], where: str) -> NamedArrays:
    """Return which arrays are the images and labels of which part.

    Args:
        names: All names in the file.
        shapes: Of the arrays, for names that say nothing ("arr_0").
        where: For errors.

    Raises:
        DataError: no training images with labels, or two arrays for one thing.
    """
    found: dict[tuple[str, Role], str] = {}
    unused: list[str] = []
    for name in names:
        key = _meaning(name)
        if key is None:
            unused.append(name)
        elif key in found:
            raise DataError(f"{where} holds both {found[key]} and {name}; expected {ACCEPTED}")
        else:
            found[key] = name
    if not found and (pair := _nameless_pair(names, shapes)):
        return NamedArrays(parts={"train": pair}, unused=(), unlabelled=())
    folders = list(dict.fromkeys(word for word, _ in found))
    part_of = {folder: part for folder, part in parts_of_names(folders).items() if part is not None}
    if "" in folders and "train" not in part_of.values():
        part_of[""] = "train"
    by_part: dict[Part, tuple[str, str]] = {}
    unlabelled: list[str] = []
    for word, part in part_of.items():
        images, labels = found.get((word, "images")), found.get((word, "labels"))
        if images and labels and part not in by_part:
            by_part[part] = (images, labels)
        elif images and not labels and part != "train":
            unlabelled.append(images)
        else:
            unused += [name for name in (images, labels) if name]
    unused += [name for (word, _), name in found.items() if word not in part_of]
    if "train" not in by_part:
        raise DataError(f"{where} holds {', '.join(names) or 'nothing'}; expected {ACCEPTED}")
    return NamedArrays(
        parts={part: by_part[part] for part in PARTS if part in by_part},
        unused=tuple(unused),
        unlabelled=tuple(unlabelled),
    )


def _meaning(name: str) -> tuple[str, Role] | None:
    """The word for a part ("" without one) and the role that a name such as "X_train" or "trainImages" has."""
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", name)]
    roles: list[Role] = ["images" if word in _IMAGES else "labels" for word in words if word in _IMAGES | _LABELS]
    others = [word for word in words if word not in _IMAGES | _LABELS | _NOISE]
    if len(roles) != 1 or len(others) > 1:
        return None
    return (others[0] if others else ""), roles[0]


def _nameless_pair(names: Sequence[str], shapes: Mapping[str, tuple[int, ...]]) -> tuple[str, str] | None:
    """The images and labels among exactly two arrays that `numpy.savez` named itself."""
    if sorted(names) != ["arr_0", "arr_1"]:
        return None
    images = [name for name in names if len(shapes[name]) > 2]
    labels = [name for name in names if len(shapes[name]) <= 2]
    if len(images) != 1 or len(labels) != 1 or shapes[images[0]][0] != shapes[labels[0]][0]:
        return None
    return images[0], labels[0]
