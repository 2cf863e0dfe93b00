"""Images that come as arrays: `.npz` files and scikit-learn's digits."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from objectives.files.atomic import read_arrays
from spaces.errors import DataError, RecordError

ACCEPTED = "x_train, y_train and perhaps x_test, y_test"


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageArrays:
    """Images and labels in memory, as they were published."""

    classes: tuple[str, ...]
    images: NDArray[np.uint8]
    """(n, height, width, channels)"""
    labels: NDArray[np.int32]
    """(n,) positions in `classes`."""
    test: tuple[NDArray[np.uint8], NDArray[np.int32]] | None
    """Images and labels of a test part, where there is one."""

    def __post_init__(self) -> None:
        for images, labels in ((self.images, self.labels), *([self.test] if self.test else [])):
            if len(images) != len(labels) or not len(labels):
                raise DataError(f"{len(images)} images came with {len(labels)} labels; accepted: a label for each")
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
    )


def read_npz(path: Path) -> ImageArrays:
    """Return the images of an `.npz` file.

    Accepted: `x_train`, `y_train` and perhaps `x_test`, `y_test`. Images are (n, height, width) or
    (n, height, width, 1 or 3), whole numbers 0..255 or floats 0..1 or 0..255. Labels are integers
    (n,) or (n, 1), or one-hot (n, classes).

    Raises:
        DataError: another key, shape, range or number of labels; a damaged file; too large for memory.
    """
    try:
        names = _members_that_fit(path)
        found = read_arrays(path, prefixes=("x_", "y_"))
    except (OSError, ValueError, zipfile.BadZipFile, RecordError) as error:
        raise DataError(f"{path} can't be read as an .npz file: {error}") from error
    missing = [name for name in ("x_train", "y_train") if name not in found]
    if missing or ("x_test" in found) != ("y_test" in found):
        raise DataError(f"{path} holds {', '.join(names) or 'nothing'}; accepted: {ACCEPTED}")
    parts = [part for part in ("train", "test") if f"x_{part}" in found]
    labels = {part: _whole_labels(found[f"y_{part}"], where=f"{path}: y_{part}") for part in parts}
    images = {part: _pixels(found[f"x_{part}"], where=f"{path}: x_{part}") for part in parts}
    for part in parts:
        if len(images[part]) != len(labels[part]):
            raise DataError(f"{path}: x_{part} has {len(images[part])} images, y_{part} {len(labels[part])} labels")
    values = np.unique(labels["train"])
    if "test" in parts:
        _check_test(path, values, images, labels)
    positions = {part: np.searchsorted(values, labels[part]).astype(np.int32) for part in parts}
    return ImageArrays(
        classes=tuple(str(value) for value in values),
        images=images["train"],
        labels=positions["train"],
        test=(images["test"], positions["test"]) if "test" in parts else None,
    )


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


def _check_test(
    path: Path, values: NDArray[np.int64], images: dict[str, NDArray[np.uint8]], labels: dict[str, NDArray[np.int64]]
) -> None:
    unknown = np.setdiff1d(labels["test"], values)
    if len(unknown):
        raise DataError(f"{path}: y_test holds labels that y_train lacks: {', '.join(map(str, unknown[:5]))}")
    if images["test"].shape[1:] != images["train"].shape[1:]:
        raise DataError(
            f"{path}: an image is {images['train'].shape[1:]} in x_train and {images['test'].shape[1:]} in x_test"
        )


def _pixels(came: NDArray[Any], *, where: str) -> NDArray[np.uint8]:
    images = came[..., None] if came.ndim == 3 else came
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or 0 in images.shape:
        raise DataError(
            f"{where} has shape {came.shape}; accepted: (n, height, width) or (n, height, width, channels) "
            "with 1 or 3 channels, the last"
        )
    if images.dtype.kind not in "uif":
        raise DataError(f"{where} holds {came.dtype}; accepted: numbers 0..255, or floats 0..1")
    low, high = float(images.min()), float(images.max())
    if not (low >= 0 and high <= 255):
        raise DataError(f"{where} holds values from {low:g} to {high:g}; accepted: 0..255, or floats 0..1")
    if images.dtype.kind != "f":
        return images.astype(np.uint8)
    scaled: NDArray[np.uint8] = np.rint(images * (255.0 if high <= 1 else 1.0)).astype(np.uint8)
    return scaled


def _whole_labels(came: NDArray[Any], *, where: str) -> NDArray[np.int64]:
    problem = f"{where} holds {came.dtype} of shape {came.shape}; accepted: integers (n,) or (n, 1), or one-hot (n, k)"
    if came.dtype.kind not in "uifb" or came.ndim not in (1, 2) or came.size == 0:
        raise DataError(problem)
    if came.ndim == 2 and came.shape[1] > 1:
        if not (np.isin(came, (0, 1)).all() and (came.sum(axis=1) == 1).all()):
            raise DataError(f"{problem}: a row has exactly one 1")
        came = came.argmax(axis=1)
    if not np.equal(np.mod(came, 1), 0).all():
        raise DataError(problem)
    whole: NDArray[np.int64] = came.reshape(-1).astype(np.int64)
    return whole
