"""Cache of decoded images: written atomically under a lock, checked and memory-mapped when read."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tokenize
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from objectives.data.records import BadFile, Dataset, Finding
from objectives.files.cache import mark_used, remove_unused
from spaces.errors import RecordError, StorageError
from spaces.records import from_plain, parse, to_plain

FORMAT = 2
"""Goes up when decoding or the entry changes: older entries are then ignored."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What is stored of a dataset beside its arrays."""

    classes: tuple[str, ...]
    fingerprint: str
    bad_files: tuple[BadFile, ...]
    given_validation: bool
    pixel_ranges: Mapping[str, tuple[float, float]]
    findings: tuple[Finding, ...]


Build = Callable[[Path], Dataset]
"""Makes a dataset; may leave `images.npy` and `test_images.npy` in the folder that it is given."""


def stored(folder: Path, *, name: str, identity: str, build: Build) -> Dataset:
    """Return the dataset kept for `identity`; build and keep it where there is none, or a damaged one.

    Args:
        folder: Where datasets are kept.
        name: For `Dataset.name`; not part of what is kept.
        identity: Changes whenever the result of `build` would.
        build: Called at most once, by one process at a time.

    Raises:
        StorageError: no room, or no right to write.
    """
    place = folder / hashlib.sha256(f"{FORMAT}:{identity}".encode()).hexdigest()[:32]
    mark_used(place)
    found = _read(place, name)
    if found is not None:
        return found
    lock = place.with_suffix(".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(lock):
            mark_used(lock)
            remove_unused(folder, now=lock)
            found = _read(place, name)  # another run may have made it meanwhile
            if found is None:
                _write(place, build)
                found = _read(place, name)
    except OSError as error:
        raise StorageError(
            f"decoded images cannot be stored in {folder}: {error.strerror or error}; TAMIZ_CACHE names another folder"
        ) from error
    if found is None:
        raise StorageError(f"{place} does not read as it was written; the disk may be damaged")
    return found


def stamp(path: Path) -> str:
    """Return a text that changes when a file is changed or replaced."""
    try:
        status = os.stat(path)  # noqa: PTH116 (twice as fast, and called for each image)
    except OSError:
        return "missing"
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


def fingerprint(dataset: Dataset) -> str:
    """Return "sha256:..." over classes, shapes, pixels and labels of all parts."""
    digest = hashlib.sha256(json.dumps(dataset.classes).encode())
    parts = (dataset.images, dataset.labels, dataset.test_images, dataset.test_labels, dataset.given_validation)
    for array in parts:
        if array is None:
            digest.update(b"none")
            continue
        whole = np.ascontiguousarray(array)
        digest.update(f"{whole.dtype.str}{whole.shape}".encode())
        digest.update(whole.data if whole.size else b"")
    return f"sha256:{digest.hexdigest()}"


def _read(place: Path, name: str) -> Dataset | None:
    """The dataset in `place`, or None where it is missing, damaged or cut short."""
    try:
        entry = from_plain(Entry, parse((place / "entry.json").read_text()), where="entry.json")
        images, test_images = (np.load(place / f"{part}.npy", mmap_mode="r") for part in ("images", "test_images"))
        labels, test_labels, groups = (np.load(place / f"{part}.npy") for part in ("labels", "test_labels", "groups"))
        given = np.load(place / "given_validation.npy") if entry.given_validation else None
    except (OSError, ValueError, EOFError, SyntaxError, tokenize.TokenError, RecordError):
        return None
    dataset = Dataset(
        name=name,
        classes=entry.classes,
        images=images,
        labels=labels,
        given_validation=given,
        test_images=test_images,
        test_labels=test_labels,
        fingerprint=entry.fingerprint,
        bad_files=entry.bad_files,
        groups=groups,
        pixel_ranges=entry.pixel_ranges,
        findings=entry.findings,
    )
    return dataset if fingerprint(dataset) == entry.fingerprint else None


def _write(place: Path, build: Build) -> None:
    scratch = place.with_suffix(".partial")
    shutil.rmtree(scratch, ignore_errors=True)  # of a process that was killed
    scratch.mkdir()
    try:
        dataset = build(scratch)
        arrays: dict[str, NDArray[np.uint8] | NDArray[np.int32] | None] = {
            "images": dataset.images,
            "labels": dataset.labels,
            "test_images": dataset.test_images,
            "test_labels": dataset.test_labels,
            "given_validation": dataset.given_validation,
            "groups": np.arange(len(dataset.labels), dtype=np.int32) if dataset.groups is None else dataset.groups,
        }
        for part, array in arrays.items():
            if array is not None and not (scratch / f"{part}.npy").exists():
                with (scratch / f"{part}.npy").open("wb") as file:
                    np.save(file, array)
                    os.fsync(file.fileno())
        entry = Entry(
            classes=dataset.classes,
            fingerprint=fingerprint(dataset),
            bad_files=dataset.bad_files,
            given_validation=dataset.given_validation is not None,
            pixel_ranges=dataset.pixel_ranges,
            findings=dataset.findings,
        )
        with (scratch / "entry.json").open("w") as text:
            json.dump(to_plain(entry), text)
            text.flush()
            os.fsync(text.fileno())
        if place.exists():
            shutil.rmtree(place)
        scratch.rename(place)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
