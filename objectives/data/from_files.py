"""Datasets of image files: decoded at one size, and divided into their parts."""

from __future__ import annotations

import dataclasses
import errno
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from objectives.data.copies import Member, check_variety, copy_findings, group_numbers
from objectives.data.directories import DataDirectories
from objectives.data.folders.index import ImageFile, ImageIndex
from objectives.data.folders.layout import PARTS
from objectives.data.images.decoding import Resize, UnreadableImageError, opened
from objectives.data.images.facts import ImageFacts, values_of
from objectives.data.images.pixels import Decoded, Progress, copy_rows, decode_files
from objectives.data.images.ranges import FULL, PixelRange, PixelRanges, PixelValues, find_ranges, unusual_lines
from objectives.data.records import BadFile, Dataset, Finding
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
    files: tuple[ImageFile, ...]
    """Of train, then of validation, then of test."""
    height: int
    width: int
    resize: Resize
    pixel_range: PixelRange | None


def load_files(
    source: FileSource,
    directories: DataDirectories,
    *,
    image_size: int | None,
    resize: Resize,
    progress: Progress | None,
) -> Dataset:
    """Return the dataset of `source`, decoded once; files that are not images are in `bad_files`.

    Raises:
        DataError: the files are not usable as a dataset: a single class, nothing readable, unclear pixel values.
        StorageError: no room for the decoded images.
    """
    if source.index.problems:
        raise DataError(f"{source.name}: " + "; ".join(source.index.problems) + _passed_over(source.index))
    plan = _plan(source, image_size, resize)
    identity = [f"files {plan.height} {plan.width} {resize} {plan.pixel_range}"]
    identity += [f"{file.part} {file.label}\t{file.shown}\t{stamp(file.path)}" for file in source.index.files]
    dataset = stored(
        directories.decoded,
        name=source.name,
        identity="\n".join(identity),
        build=lambda scratch: _decode(plan, scratch, progress or (lambda done, whole: None)),
    )
    notes = (Finding(text=note) for note in source.index.notes)
    return dataclasses.replace(dataset, findings=(*notes, *dataset.findings))


def _plan(source: FileSource, image_size: int | None, resize: Resize) -> _Plan:
    index = source.index
    side = image_size or FOLDER_SIZE
    height, width = _native_size(index) if source.native and image_size is None else (side, side)
    return _Plan(
        name=source.name,
        index=index,
        files=tuple(file for part in PARTS for file in index.of(part)),
        height=height,
        width=width,
        resize=resize,
        pixel_range=source.pixel_range,
    )


def _decode(plan: _Plan, scratch: Path, progress: Progress) -> Dataset:
    files = plan.files
    whole = scratch / "all.npy"
    _check_room(scratch, needed_bytes=2 * len(files) * plan.height * plan.width * 3)
    decoded, values, ranges = _in_range(plan, whole, progress)
    good = np.array(sorted(decoded.facts), np.int64)
    members = [member_of(files[row], decoded.facts[row]) for row in good]
    check_variety(members)
    groups = group_numbers([decoded.facts[row].digest if row in decoded.facts else None for row in range(len(files))])
    tested = _test_rows(plan, groups)
    rows = {"images": np.setdiff1d(good, tested), "test_images": np.intersect1d(good, tested)}
    for part, these in rows.items():
        copy_rows(whole, scratch / f"{part}.npy", these, channels=1 if decoded.grey else 3)
    whole.unlink()
    kept, kept_test = ([files[row] for row in these] for these in rows.values())
    _check_classes(plan, kept, kept_test)
    given = np.flatnonzero([file.part == "validation" for file in kept]).astype(np.int32)
    images, test_images = (np.load(scratch / f"{part}.npy", mmap_mode="r") for part in rows)
    return Dataset(
        name=plan.name,
        classes=plan.index.classes,
        images=images,
        labels=_labels(plan.index, kept),
        given_validation=given if len(given) else None,
        test_images=test_images,
        test_labels=_labels(plan.index, kept_test),
        fingerprint="",  # is taken when it is stored
        bad_files=tuple(BadFile(path=files[row].shown, problem=why) for row, why in sorted(decoded.problems.items())),
        groups=groups[rows["images"]],
        pixel_ranges=ranges,
        findings=(
            *(Finding(text=line) for line in unusual_lines(values, ranges)),
            *copy_findings(members),
        ),
    )


def _in_range(plan: _Plan, target: Path, progress: Progress) -> tuple[Decoded, PixelValues, dict[str, PixelRange]]:
    """Decode all files; again where their values turn out to have other ranges than their types have."""
    ranges: PixelRanges = FULL
    paths = [file.path for file in plan.files]
    while True:
        decoded = decode_files(
            paths,
            target,
            height=plan.height,
            width=plan.width,
            resize=plan.resize,
            ranges=ranges,
            advance=partial(_advance, progress, whole=len(paths)),
        )
        values = values_of(
            [decoded.facts[row] for row in sorted(decoded.facts)],
            [plan.files[row].part for row in sorted(decoded.facts)],
        )
        try:
            found = find_ranges(values, given=plan.pixel_range)
        except DataError as error:
            raise DataError(f"{plan.name}: {error}") from None
        if all(ranges[storage] == found[storage] for storage in found):
            return decoded, values, found
        ranges = {**FULL, **found}


def _test_rows(plan: _Plan, groups: NDArray[np.int32]) -> NDArray[np.int64]:
    """Rows of the test part: those that came as one, or a fifth of the training images."""
    parts = np.array([file.part for file in plan.files])
    tested = np.flatnonzero(parts == "test")
    if len(tested):
        return tested
    training = np.flatnonzero(parts == "train")
    labels = _labels(plan.index, [plan.files[row] for row in training])
    return training[hold_out_test(labels, groups[training], validates="validation" not in parts)]


def member_of(file: ImageFile, facts: ImageFacts) -> Member:
    """What decides whether an image has copies."""
    return Member(shown=file.shown, label=file.label, part=file.part, digest=facts.digest, look=facts.look)


def _advance(progress: Progress, done: int, *, whole: int) -> None:
    progress(done, whole)


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
