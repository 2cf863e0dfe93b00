"""Features of a frozen part on disk: computed on first use, and read from there afterwards.

The name of their files is a digest of all that decides them: the weights, the cut, the size of the
images, how the map becomes a vector where that needs no weights, Keras' version, and the images
themselves with their augmentation.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import shutil
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from objectives.evaluation.predicting import outputs
from objectives.files.atomic import whole_file, write_whole
from objectives.files.cache import mark_used, remove_unused
from objectives.messages import Examples
from objectives.networks import augmentation
from objectives.networks.head import pooled
from objectives.networks.transfer import features_at_cut
from spaces.backbones import NONE
from spaces.errors import RecordError
from spaces.recipe import Augment
from spaces.records import from_plain, parse, to_plain
from spaces.transfer import Transfer

_format = 1
"""Increased when the same name would mean other features."""
_float32_bytes_most = 2**30
"""Larger features are kept as float16: half the disk space, rounded to one part in two thousand."""

_images_changed_at_once = 256


@dataclass(frozen=True, kw_only=True)
class View:
    """One random augmentation of all images, the same for the same number."""

    augment: Augment
    number: int
    """From 1."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Stored:
    """Features on disk."""

    features: NDArray[Any]
    """(n, height, width, channels), a memory map."""
    weights: int
    """Of the frozen part."""
    computed: bool
    """Whether they were computed now, rather than found."""


class NotKeptError(Exception):
    """Features that can't be kept; its text says why."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Describes stored features; written last, so where it exists, they are whole."""

    shape: tuple[int, ...]
    dtype: str
    weights: int
    """Of the frozen part."""


def features_of(network: Transfer, examples: Examples, *, folder: Path, view: View | None = None) -> Stored:
    """Return the features of some images at the cut of a network, in the examples' order.

    Args:
        network: its head decides only whether maps are pooled.
        examples: the images.
        folder: where features are kept.
        view: how the images are augmented; None: not at all.

    Raises:
        NotKeptError: there is too little disk space, or the numbers do not fit.
        OSError: the disk failed.
        DataError: the weights of the frozen part are not available.
    """
    place = folder / _name(network, examples, view)
    described, array, lock = (place.with_suffix(suffix) for suffix in (".json", ".npy", ".lock"))
    entry, computed = _read(place), False
    if entry is None:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(lock):
            mark_used(lock)
            remove_unused(folder, now=lock)
            entry = _read(place)  # another worker may have computed them meanwhile
            if entry is None:
                entry, computed = _compute(place, network, examples, view), True
    for path in (described, array):
        mark_used(path)
    features = np.load(array, mmap_mode="r")
    return Stored(features=features, weights=entry.weights, computed=computed)


def _compute(place: Path, network: Transfer, examples: Examples, view: View | None) -> Entry:
    images = keras.Input(examples.images.shape[1:], name="images")
    features = features_at_cut(network, images)
    frozen = keras.Model(images, pooled(features, network.head.summary) if _is_pooled(network) else features)
    shape = (len(examples), *frozen.output_shape[1:])
    dtype = np.dtype(np.float32 if 4 * math.prod(shape) <= _float32_bytes_most else np.float16)
    needed, free = math.prod(shape) * dtype.itemsize, shutil.disk_usage(place.parent).free
    if needed > free / 2:
        raise NotKeptError(f"they need {needed / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB are free on disk")
    with whole_file(place.with_suffix(".npy")) as file:
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for part in _changed(examples, view):
            for batch in _converted(outputs(frozen, part), dtype):
                file.write(batch.tobytes())
    entry = Entry(shape=shape, dtype=dtype.name, weights=frozen.count_params())
    write_whole(place.with_suffix(".json"), json.dumps(to_plain(entry)))
    return entry


def _changed(examples: Examples, view: View | None) -> Iterator[Examples]:
    """Yield the examples, augmented by a view, some at a time."""
    if view is None:
        yield examples
        return
    for start in range(0, len(examples), _images_changed_at_once):
        rows = examples.indices[start : start + _images_changed_at_once]
        seed = int(np.random.default_rng([view.number, start]).integers(2**31))
        images: NDArray[Any] = augmentation.view(examples.images[rows], view.augment, seed=seed)
        yield Examples(images=images, labels=examples.labels[rows], indices=np.arange(len(rows), dtype=np.int32))


def _converted(batches: Iterator[NDArray[np.float32]], dtype: np.dtype[Any]) -> Iterator[NDArray[Any]]:
    with np.errstate(over="raise"):
        for batch in batches:
            try:
                yield batch.astype(dtype)
            except FloatingPointError:
                raise NotKeptError("their numbers are too large for float16, and too many for float32") from None


def _read(place: Path) -> Entry | None:
    """Return what is stored; None where nothing is, or where it is damaged."""
    try:
        entry = from_plain(Entry, parse(place.with_suffix(".json").read_text()), where=place.name)
        features = np.load(place.with_suffix(".npy"), mmap_mode="r")
    except (OSError, ValueError, EOFError, SyntaxError, tokenize.TokenError, RecordError):
        return None
    return entry if (features.shape, features.dtype) == (entry.shape, np.dtype(entry.dtype)) else None


def _name(network: Transfer, examples: Examples, view: View | None) -> str:
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
        "images": _digest(examples),
        "shape": examples.images.shape[1:],
        "view": to_plain(view),
    }
    return hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:32]


@functools.lru_cache(maxsize=4)
def _digest(examples: Examples) -> str:
    """Return a digest of all pixels in their order; once for the examples that a worker holds."""
    digest = hashlib.sha256()
    for start in range(0, len(examples), 1024):
        digest.update(np.ascontiguousarray(examples.images[examples.indices[start : start + 1024]]).data)
    return digest.hexdigest()


def _is_pooled(network: Transfer) -> bool:
    """Whether maps are averaged, or their maxima taken, before they are kept: that needs no weights."""
    return network.head.summary != "flatten"
