"""Predictions as a file: `predictions.npz`, written whole or not at all and read strictly."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from objectives.files.atomic import read_arrays, whole_file
from objectives.messages import Predictions
from spaces.errors import RecordError

_fields = {"probabilities": (np.float32, 2), "labels": (np.int32, 1), "images": (np.int32, 1)}


def save(predictions: Predictions, path: Path) -> None:
    """Write predictions to `path`, which holds either the old or the new file at any moment."""
    with whole_file(path) as file:
        np.savez_compressed(
            file,
            probabilities=predictions.probabilities,
            labels=predictions.labels,
            images=predictions.images,
        )


def load(path: Path) -> Predictions:
    """Return the predictions in `path`; raises `RecordError` where they are not whole and consistent."""
    try:
        stored = read_arrays(path)
    except RecordError as error:
        raise RecordError(f"{path}: can't be read as predictions ({error})") from None
    found = Predictions(**{name: _read(stored, name, path) for name in _fields})
    count, classes = found.probabilities.shape
    if len(found.labels) != count or len(found.images) != count:
        raise RecordError(
            f"{path}: {count} rows of probabilities, {len(found.labels)} labels and {len(found.images)} images: "
            "expected the same number of each"
        )
    if count and not (found.labels.min() >= 0 and found.labels.max() < classes):
        raise RecordError(
            f"{path}: labels from {found.labels.min()} to {found.labels.max()}: expected 0 to {classes - 1}"
        )
    if not np.isfinite(found.probabilities).all():
        raise RecordError(f"{path}: a probability is not a finite number")
    return found


def _read(stored: Mapping[str, NDArray[Any]], name: str, path: Path) -> NDArray[Any]:
    dtype, dimensions = _fields[name]
    if name not in stored:
        raise RecordError(f"{path}: '{name}' is missing")
    array = stored[name]
    if array.dtype != dtype or array.ndim != dimensions:
        raise RecordError(
            f"{path}: '{name}' is {array.dtype} with {array.ndim} dimensions: "
            f"expected {np.dtype(dtype)} with {dimensions}"
        )
    return array
