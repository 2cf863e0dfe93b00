"""A dataset that comes as image files: decoded at one size, its parts in one piece each."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from objectives.data.directories import DataDirectories
from objectives.data.folders.index import ImageFile, ImageIndex
from objectives.data.images.decoding import Resize, UnreadableImageError, opened
from objectives.data.images.pixels import Decoded, Progress, decode_files, keep_rows
from objectives.data.records import BadFile, Dataset
from objectives.data.sources.finding import FileSource
from objectives.data.splitting import hold_out_test
from objectives.data.store import stamp, stored
from spaces.errors import DataError

FOLDER_SIZE = 64
"""Pixels of height and width that images of a folder get by default."""


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """What to decode, and how."""

    name: str
    index: ImageIndex
    development: tuple[ImageFile, ...]
    """Training images, then validation images."""
    test: tuple[ImageFile, ...]
    height: int
    width: int
    resize: Resize


def load_files(
    source: FileSource,
    directories: DataDirectories,
    *,
    image_size: int | None,
    resize: Resize,
    progress: Progress | None,
) -> Dataset:
    """Return the dataset of `source`, decoded once; files that are no image are in `bad_files`.

    Raises:
        DataError: the files make no dataset, such as a single class or nothing readable.
        StorageError: no room for the decoded images.
    """
    if source.index.problems:
        raise DataError(f"{source.name}: " + "; ".join(source.index.problems) + _passed_over(source.index))
    plan = _plan(source, image_size, resize)
    identity = [f"files {plan.height} {plan.width} {resize}"]
    identity += [f"{file.part} {file.label}\t{file.shown}\t{stamp(file.path)}" for file in source.index.files]
    return stored(
        directories.decoded,
        name=source.name,
        identity="\n".join(identity),
        build=lambda scratch: _decode(plan, scratch, progress or (lambda done, whole: None)),
    )


def _plan(source: FileSource, image_size: int | None, resize: Resize) -> _Plan:
    index = source.index
    train, validation, test = index.of("train"), index.of("validation"), index.of("test")
    if not test:
        held = set(hold_out_test(_labels(index, train)).tolist())
        test = tuple(file for position, file in enumerate(train) if position in held)
        train = tuple(file for position, file in enumerate(train) if position not in held)
    side = image_size or FOLDER_SIZE
    height, width = _native_size(index) if source.native and image_size is None else (side, side)
    return _Plan(
        name=source.name,
        index=index,
        development=(*train, *validation),
        test=test,
        height=height,
        width=width,
        resize=resize,
    )


def _decode(plan: _Plan, scratch: Path, progress: Progress) -> Dataset:
    targets = {scratch / "images.npy": plan.development, scratch / "test_images.npy": plan.test}
    whole = len(plan.development) + len(plan.test)
    _check_room(scratch, needed_bytes=2 * whole * plan.height * plan.width * 3)
    parts: list[Decoded] = []
    for target, files in targets.items():
        advance = partial(_advance, progress, before=len(plan.development) if parts else 0, whole=whole)
        paths = [file.path for file in files]
        parts.append(
            decode_files(paths, target, height=plan.height, width=plan.width, resize=plan.resize, advance=advance)
        )
    channels = 1 if all(part.grey for part in parts) else 3
    for target, part in zip(targets, parts, strict=True):
        keep_rows(target, part.good, channels=channels)
    good, good_test = ([files[row] for row in part.good] for files, part in zip(targets.values(), parts, strict=True))
    _check_classes(plan, good, good_test)
    given = np.flatnonzero([file.part == "validation" for file in good]).astype(np.int32)
    images, test_images = (np.load(target, mmap_mode="r") for target in targets)
    return Dataset(
        name=plan.name,
        classes=plan.index.classes,
        images=images,
        labels=_labels(plan.index, good),
        given_validation=given if len(given) else None,
        test_images=test_images,
        test_labels=_labels(plan.index, good_test),
        fingerprint="",  # is taken when it is stored
        bad_files=tuple(
            BadFile(path=files[position].shown, problem=problem)
            for files, part in zip(targets.values(), parts, strict=True)
            for position, problem in sorted(part.problems.items())
        ),
    )


def _advance(progress: Progress, done: int, *, before: int, whole: int) -> None:
    progress(before + done, whole)


def _labels(index: ImageIndex, files: Sequence[ImageFile]) -> NDArray[np.int32]:
    position = {label: number for number, label in enumerate(index.classes)}
    return np.fromiter((position[file.label] for file in files), np.int32, len(files))


def _native_size(index: ImageIndex) -> tuple[int, int]:
    """Height and width of the first image that can be opened."""
    for file in index.files:
        try:
            with opened(file.path) as image:
                return image.height, image.width
        except UnreadableImageError:
            continue
    return FOLDER_SIZE, FOLDER_SIZE


def _check_classes(plan: _Plan, good: Sequence[ImageFile], good_test: Sequence[ImageFile]) -> None:
    training = {file.label for file in good if file.part == "train"}
    lost = [label for label in plan.index.classes if label not in training]
    if lost:
        raise DataError(f"{plan.name}: no readable training image in {', '.join(lost[:5])}")
    if not good_test:
        raise DataError(f"{plan.name}: no readable test image")


def _check_room(folder: Path, *, needed_bytes: int) -> None:
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed_bytes:
        raise OSError(errno.ENOSPC, f"{needed_bytes / 1e9:.1f} GB are needed, {free_bytes / 1e9:.1f} GB are free")


def _passed_over(index: ImageIndex) -> str:
    if not index.ignored:
        return ""
    first = index.ignored[0]
    return f"\nPassed over: {len(index.ignored)} files, such as {first.path} ({first.problem})"
