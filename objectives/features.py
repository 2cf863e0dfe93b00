"""Features of a frozen part: computed once, kept on disk, shared by all trials, workers and runs.

What decides them is in the name of their files: the weights, the cut, the size of the images, how
the map becomes a vector where that needs no weights, Keras' version, and the images themselves.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from objectives.files import whole_file, write_whole
from objectives.measuring import outputs
from objectives.networks import assemble
from objectives.records import Examples, StudyData
from objectives.transfer import features_at_cut, pooled
from spaces.backbones import NONE
from spaces.errors import RecordError
from spaces.recipe import ImageShape, Recipe
from spaces.records import from_plain, to_plain
from spaces.transfer import Transfer

_format = 1
"""Goes up when the same name would stand for other features."""
_float32_bytes_most = 2**30
"""Larger features are kept as float16: half the disk, and a rounding of one part in two thousand."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """What a training looks at: the images; or, where a part is frozen, that part's features."""

    recipe: Recipe
    """Of the network that is trained: the whole one, or a head."""
    train: Examples
    validation: Examples
    frozen_weights: int = 0
    """Weights below the head, where the head alone is trained."""
    note: str | None = None
    """For a transfer: whether features were shared, and if not, why."""

    @property
    def shape(self) -> ImageShape:
        """Shape of one image, or of one feature map."""
        height, width, channels = self.train.images.shape[1:]
        return ImageShape(height=height, width=width, channels=channels)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What stored features say of themselves; written last, so where it is, they are whole."""

    shape: tuple[int, ...]
    dtype: str
    weights: int
    """Of the frozen part."""


class _NotKeptError(Exception):
    """Features that can't be kept; its text says why."""


def seen_by(recipe: Recipe, data: StudyData, *, folder: Path) -> Seen:
    """Return what the training of a recipe looks at, with features of its frozen part computed if need be.

    Features are left out, and the note says so, where images are augmented before the frozen part,
    where layers below the cut are trained too, or where the disk has no room.

    Args:
        recipe: any; only a transfer's has a frozen part.
        data: the study's.
        folder: where features are kept.

    Raises:
        DataError: the weights of the frozen part can't be had.
    """
    whole = Seen(recipe=recipe, train=data.train, validation=data.validation)
    network = recipe.network
    if not isinstance(network, Transfer):
        return whole
    if why := _why_not(recipe, data):
        return replace(whole, note=f"features were computed in each epoch: {why}")
    started = time.perf_counter()
    rows = np.union1d(data.train.indices, data.validation.indices)
    place = folder / _name(network, data.train.images, rows=_digest(data.train, data.validation))
    try:
        computed, entry = _stored(place, network, data.train, rows)
    except (_NotKeptError, OSError) as error:
        return replace(whole, note=f"features were computed in each epoch: {error}")
    features = np.load(place.with_suffix(".npy"), mmap_mode="r")
    said = f"computed in {time.perf_counter() - started:.1f} s" if computed else "taken as computed before"
    return Seen(
        recipe=replace(recipe, network=network.head),
        train=_rows_of(data.train, features, rows),
        validation=_rows_of(data.validation, features, rows),
        frozen_weights=entry.weights,
        note=f"features of the frozen part were {said}",
    )


def whole_network(recipe: Recipe, trained: keras.Model, *, images: ImageShape, classes: int) -> keras.Model:
    """Return the whole model of a recipe whose head was trained alone, on features.

    Args:
        recipe: of the whole.
        trained: takes features at the cut, gives probabilities (n, classes).
        images: what the whole takes.
        classes: how many it tells apart.
    """
    whole = assemble(recipe, images=images, classes=classes)
    for layer in trained.layers:
        if layer.weights:
            whole.get_layer(layer.name).set_weights(layer.get_weights())
    return whole


def _why_not(recipe: Recipe, data: StudyData) -> str | None:
    if not recipe.augment.is_off:
        return "images are augmented before the frozen part"
    if recipe.unfreeze is not None:
        return f"layers below the cut are trained too, from epoch {recipe.unfreeze.epoch} on"
    if data.train.images is not data.validation.images:
        return "training and validation images lie in different arrays"
    return None


def _stored(place: Path, network: Transfer, examples: Examples, rows: NDArray[np.int32]) -> tuple[bool, Entry]:
    """Return whether features had to be computed, and what is stored now."""
    if entry := _read(place):
        return False, entry
    place.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(place.with_suffix(".lock")):
        if entry := _read(place):  # another worker computed them meanwhile
            return False, entry
        return True, _compute(place, network, replace(examples, indices=rows))


def _compute(place: Path, network: Transfer, examples: Examples) -> Entry:
    images = keras.Input(examples.images.shape[1:], name="images")
    features = features_at_cut(network, images)
    frozen = keras.Model(images, pooled(features, network.head.summary) if _is_pooled(network) else features)
    shape = (len(examples), *frozen.output_shape[1:])
    dtype = np.dtype(np.float32 if 4 * math.prod(shape) <= _float32_bytes_most else np.float16)
    needed, free = math.prod(shape) * dtype.itemsize, shutil.disk_usage(place.parent).free
    if needed > free / 2:
        raise _NotKeptError(f"they need {needed / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB are free on disk")
    with whole_file(place.with_suffix(".npy")) as file:
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for batch in _converted(outputs(frozen, examples), dtype):
            file.write(batch.tobytes())
    entry = Entry(shape=shape, dtype=dtype.name, weights=frozen.count_params())
    write_whole(place.with_suffix(".json"), json.dumps(to_plain(entry)))
    return entry


def _converted(batches: Iterator[NDArray[np.float32]], dtype: np.dtype[Any]) -> Iterator[NDArray[Any]]:
    with np.errstate(over="raise"):
        for batch in batches:
            try:
                yield batch.astype(dtype)
            except FloatingPointError:
                raise _NotKeptError("they are too large numbers for float16, and too many for float32") from None


def _read(place: Path) -> Entry | None:
    """Return what is stored; None where nothing is, or where it is damaged."""
    try:
        entry = from_plain(Entry, json.loads(place.with_suffix(".json").read_text()), where=place.name)
        features = np.load(place.with_suffix(".npy"), mmap_mode="r")
    except (OSError, ValueError, EOFError, RecordError):
        return None
    return entry if (features.shape, features.dtype) == (entry.shape, np.dtype(entry.dtype)) else None


def _name(network: Transfer, images: NDArray[np.uint8], *, rows: str) -> str:
    backbone = network.backbone
    decides = {
        "format": _format,
        "keras": keras.__version__,
        "backend": keras.backend.backend() if backbone.weights == NONE else "any",
        "backbone": backbone.name,
        "weights": backbone.digest or backbone.weights,
        "cut": network.cut,
        "side": network.side,
        "pooled": network.head.summary if _is_pooled(network) else None,
        "images": rows,
        "shape": images.shape[1:],
    }
    return hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:32]


@functools.lru_cache(maxsize=2)
def _digest(train: Examples, validation: Examples) -> str:
    """Return a digest of all pixels in the order in which features are kept; once for the data that a worker holds."""
    digest = hashlib.sha256()
    rows = np.union1d(train.indices, validation.indices)
    for start in range(0, len(rows), 1024):
        digest.update(np.ascontiguousarray(train.images[rows[start : start + 1024]]).data)
    return digest.hexdigest()


def _is_pooled(network: Transfer) -> bool:
    """Whether maps are averaged, or their maxima taken, before they are kept: that needs no weights."""
    return network.head.summary != "flatten"


def _rows_of(examples: Examples, features: NDArray[Any], rows: NDArray[np.int32]) -> Examples:
    """Return examples in their order, with features in place of images."""
    return Examples(
        images=features,
        labels=examples.labels[rows],
        indices=np.searchsorted(rows, examples.indices).astype(np.int32),
    )
