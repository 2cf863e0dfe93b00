"""Images that come as arrays: `.npz` files and scikit-learn's digits."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from natsort import natsorted
from numpy.typing import NDArray

from objectives.data.copies import Member
from objectives.data.folders.index import label_notes
from objectives.data.folders.layout import Part as PartName
from objectives.data.folders.tree import printable
from objectives.data.images.facts import pixel_digests
from objectives.data.images.ranges import (
    PixelRange,
    PixelRanges,
    PixelValues,
    find_ranges,
    range_lines,
    scaled,
    unusual_lines,
)
from objectives.data.records import Finding
from objectives.data.sources.array_names import NamedArrays, understand
from objectives.files.atomic import read_arrays
from spaces.errors import DataError, RecordError

Part = tuple[NDArray[np.uint8], NDArray[np.int32]]
"""Images and labels."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageArrays:
    """Images and labels in memory, as they were published."""

    classes: tuple[str, ...]
    images: NDArray[np.uint8]
    """(n, height, width, channels)"""
    labels: NDArray[np.int32]
    """(n,) positions in `classes`."""
    test: Part | None
    """The test part, where there is one."""
    validation: Part | None = None
    pixel_ranges: PixelRanges = field(default_factory=dict)
    """The values that became black and white."""
    range_lines: tuple[str, ...] = ("pixel values from 0 to 255 (8 bits): 0 is black, 255 is white",)
    """The values that were found, in words."""
    findings: tuple[Finding, ...] = ()

    @property
    def parts(self) -> dict[PartName, Part]:
        """The parts that there are, by name."""
        given: dict[PartName, Part | None] = {
            "train": (self.images, self.labels), "validation": self.validation, "test": self.test
        }  # fmt: skip
        return {name: part for name, part in given.items() if part is not None}

    def __post_init__(self) -> None:
        for images, labels in self.parts.values():
            if len(images) != len(labels) or not len(labels):
                raise DataError(f"{len(images)} images came with {len(labels)} labels; expected a label for each")
            if labels.min() < 0 or labels.max() >= len(self.classes):
                raise DataError(
                    f"labels go from {labels.min()} to {labels.max()}; there are {len(self.classes)} classes, from 0"
                )


def read_digits() -> ImageArrays:
    """Return scikit-learn's bundled digits: 1,797 grey images of 8x8, without a test part."""
    from sklearn.datasets import load_digits  # takes a second to import

    pixels, digits = load_digits(return_X_y=True)
    return ImageArrays(
        classes=tuple("0123456789"),
        images=np.rint(pixels.reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8),
        labels=digits.astype(np.int32),
        test=None,
        range_lines=("pixel values from 0 to 16 (floats): 0 is black, 16 is white",),
    )


def read_npz(path: Path, *, pixel_range: PixelRange | None = None) -> ImageArrays:
    """Return the images of an `.npz` file.

    Names of arrays: see `objectives.data.sources.array_names`. Images are (n, height, width) or
    (n, height, width, 1 or 3), whole numbers, floats or booleans. Labels are integers or text, (n,)
    or (n, 1), or one-hot (n, classes).

    Args:
        path: The file.
        pixel_range: The values that are black and white; None: found from the values.

    Raises:
        DataError: other names, shapes or values; a damaged file; too large for memory.
    """
    try:
        names = _members_that_fit(path)
        nameless = read_arrays(path, names=names) if sorted(names) == ["arr_0", "arr_1"] else {}
        shapes = {name: array.shape for name, array in nameless.items()}
        named = understand(names, shapes=shapes, where=str(path))
        found = nameless or read_arrays(path, names={name for pair in named.parts.values() for name in pair})
    except (OSError, ValueError, zipfile.BadZipFile, RecordError) as error:
        objects = "; store labels as numbers or, with astype(str), as text" if "Object arrays" in str(error) else ""
        raise DataError(f"{path} can't be read as an .npz file: {error}{objects}") from error
    labels = {part: _labels(found[y], where=f"{path}: {y}") for part, (_, y) in named.parts.items()}
    stored = {part: _stored_pixels(found[x], where=f"{path}: {x}") for part, (x, _) in named.parts.items()}
    for part, (x, y) in named.parts.items():
        if len(stored[part]) != len(labels[part]):
            raise DataError(f"{path}: {x} has {len(stored[part])} images, {y} {len(labels[part])} labels")
    classes, positions = _classes(path, named, labels)
    _check_shapes(path, named, stored)
    values = _values(stored)
    try:
        ranges = find_ranges(values, given=pixel_range)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    parts = {part: (scaled(pixels, ranges[_storage(pixels)]), positions[part]) for part, pixels in stored.items()}
    return ImageArrays(
        classes=classes,
        images=parts["train"][0],
        labels=parts["train"][1],
        validation=parts.get("validation"),
        test=parts.get("test"),
        pixel_ranges=ranges,
        range_lines=tuple(range_lines(values, ranges)),
        findings=tuple(Finding(text=note) for note in _notes(named, unusual_lines(values, ranges), labels)),
    )


def array_members(arrays: ImageArrays) -> Iterator[Member]:
    """What decides whether images of arrays have copies; in the order of the parts."""
    for part, (images, labels) in arrays.parts.items():
        for position, (digest, label) in enumerate(zip(pixel_digests(images), labels, strict=True)):
            yield Member(
                shown=f"{part} image {position}", label=arrays.classes[label], part=part, digest=digest, look=None
            )


def _notes(named: NamedArrays, unusual: Sequence[str], labels: Mapping[PartName, NDArray[Any]]) -> Iterator[str]:
    yield from unusual
    yield from label_notes(Counter(str(label) for these in labels.values() for label in these))
    if named.unlabelled:
        yield f"without labels, so not used: {', '.join(named.unlabelled)}"
    if named.unused:
        yield f"arrays that are not used: {', '.join(named.unused)}"


def _members_that_fit(path: Path) -> list[str]:
    """Return the names of a file's arrays, if there is memory for all of them."""
    with zipfile.ZipFile(path) as archive:
        unpacked_bytes = sum(member.file_size for member in archive.infolist())
        names = [member.filename.removesuffix(".npy") for member in archive.infolist()]
    free_bytes = psutil.virtual_memory().available
    if unpacked_bytes > free_bytes:
        raise DataError(
            f"{path} unpacks to {unpacked_bytes / 1e9:.1f} GB and {free_bytes / 1e9:.1f} GB of memory are free; "
            "a folder of images is read piece by piece"
        )
    return names


def _classes(
    path: Path, named: NamedArrays, labels: Mapping[PartName, NDArray[Any]]
) -> tuple[tuple[str, ...], dict[PartName, NDArray[np.int32]]]:
    """Return the classes (numbers by value, text in natural order), and each part's labels as positions in them."""
    texts = {part: [str(label) for label in np.unique(these)] for part, these in labels.items()}
    is_text = labels["train"].dtype.kind == "U"
    classes = tuple(natsorted(texts["train"]) if is_text else texts["train"])
    for part, (_, name) in named.parts.items():
        unknown = natsorted(set(texts[part]) - set(classes))
        if unknown:
            raise DataError(f"{path}: {name} holds labels that {named.parts['train'][1]} lacks: {_few(unknown)}")
    places = {label: position for position, label in enumerate(classes)}
    positions = {}
    for part, these in labels.items():
        values, inverse = np.unique(these, return_inverse=True)
        positions[part] = np.array([places[str(value)] for value in values], np.int32)[inverse.reshape(-1)]
    return classes, positions


def _few(values: Sequence[str]) -> str:
    return ", ".join(values[:5]) + (f" and {len(values) - 5} more" if len(values) > 5 else "")


def _check_shapes(path: Path, named: NamedArrays, stored: Mapping[PartName, NDArray[Any]]) -> None:
    for part, (name, _) in named.parts.items():
        if stored[part].shape[1:] != stored["train"].shape[1:]:
            raise DataError(
                f"{path}: an image is {stored['train'].shape[1:]} in {named.parts['train'][0]} "
                f"and {stored[part].shape[1:]} in {name}"
            )


def _stored_pixels(came: NDArray[Any], *, where: str) -> NDArray[Any]:
    """Return images (n, height, width, channels) with their values as they came."""
    images = came[..., None] if came.ndim == 3 else came
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or 0 in images.shape:
        raise DataError(
            f"{where} has shape {came.shape}; expected (n, height, width) or (n, height, width, channels) "
            "with 1 or 3 channels, the last"
        )
    if images.dtype.kind not in "uifb":
        raise DataError(f"{where} holds {came.dtype}; expected numbers or booleans")
    return images


def _storage(pixels: NDArray[Any]) -> str:
    by_type = {"bool": "1 bit", "uint8": "8 bits", "uint16": "16 bits"}
    return "floats" if pixels.dtype.kind == "f" else by_type.get(pixels.dtype.name, "whole numbers")


def _values(stored: Mapping[PartName, NDArray[Any]]) -> PixelValues:
    rows = [(part, pixels, pixels.reshape(len(pixels), -1)) for part, pixels in stored.items()]
    return PixelValues(
        storage=[_storage(pixels) for _, pixels, _ in rows for _ in pixels],
        part=[part for part, pixels, _ in rows for _ in pixels],
        low=np.concatenate([flat.min(axis=1) for *_, flat in rows]).astype(np.float64),
        high=np.concatenate([flat.max(axis=1) for *_, flat in rows]).astype(np.float64),
    )


def _labels(came: NDArray[Any], *, where: str) -> NDArray[Any]:
    """Return labels (n,): whole numbers, or text."""
    problem = (
        f"{where} holds {came.dtype} of shape {came.shape}; expected integers or text (n,) or (n, 1), or one-hot (n, k)"
    )
    if came.dtype.kind not in "uifbUS" or came.ndim not in (1, 2) or came.size == 0:
        raise DataError(problem)
    if came.dtype.kind in "US":
        if came.ndim == 2 and came.shape[1] > 1:
            raise DataError(problem)
        return np.array([printable(label) for label in came.astype(str).reshape(-1).tolist()])
    if came.ndim == 2 and came.shape[1] > 1:
        if not (np.isin(came, (0, 1)).all() and (came.sum(axis=1) == 1).all()):
            raise DataError(f"{problem}: a row has exactly one 1")
        came = came.argmax(axis=1)
    if not np.equal(np.mod(came, 1), 0).all():
        raise DataError(problem)
    return came.reshape(-1).astype(np.int64)
