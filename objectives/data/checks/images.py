"""All images of a dataset decoded, as far as a check needs them."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from objectives.data.checks.inspect import Inspection, inspect_file
from objectives.data.copies import Member
from objectives.data.folders.index import ImageFile
from objectives.data.from_files import FOLDER_SIZE, member_of
from objectives.data.images.decoding import UnreadableImageError
from objectives.data.images.facts import values_of
from objectives.data.images.pixels import Progress
from objectives.data.images.ranges import FULL, PixelRanges, find_ranges, range_lines, unusual_lines
from objectives.data.records import BadFile
from objectives.data.sources.arrays import ImageArrays, array_members
from objectives.data.sources.finding import FileSource
from spaces.errors import DataError


@dataclass(frozen=True, kw_only=True)
class SeenImage:
    """A readable image in its place."""

    member: Member
    inspection: Inspection | None
    """None: of an array."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """All images of a dataset, and what was found out about their pixel values."""

    images: Sequence[SeenImage]
    bad_files: Sequence[BadFile] = ()
    pixel_values: Sequence[str] = ()
    notes: Sequence[str] = ()
    problem: str = ""
    sizes: Mapping[str, int]
    modes: Mapping[str, int]


def see_files(source: FileSource, progress: Progress | None) -> Seen:
    """Decode all files of a dataset, again where their values turn out to have other ranges than their types have."""
    ranges: PixelRanges = FULL
    while True:
        images, bad_files = _inspect_files(source.index.files, ranges, progress)
        inspections = [image.inspection for image in images if image.inspection is not None]
        values = values_of([found.facts for found in inspections], [image.member.part for image in images])
        seen = Seen(
            images=images,
            bad_files=bad_files,
            sizes=Counter(f"{found.width}x{found.height}" for found in inspections),
            modes=Counter(found.mode for found in inspections),
        )
        try:
            found_ranges = find_ranges(values, given=source.pixel_range)
        except DataError as error:
            return dataclasses.replace(seen, problem=str(error))
        if all(ranges[storage] == found_ranges[storage] for storage in found_ranges):
            lines = range_lines(values, found_ranges)
            return dataclasses.replace(seen, pixel_values=lines, notes=unusual_lines(values, found_ranges))
        ranges = {**FULL, **found_ranges}


def _inspect_files(
    files: Sequence[ImageFile], ranges: PixelRanges, progress: Progress | None
) -> tuple[list[SeenImage], list[BadFile]]:
    images: list[SeenImage] = []
    bad_files: list[BadFile] = []
    inspect = partial(_inspect, ranges=ranges)
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as threads:
        warnings.filterwarnings("ignore", module="PIL")
        for done, (file, found) in enumerate(zip(files, threads.map(inspect, files), strict=True), start=1):
            if isinstance(found, BadFile):
                bad_files.append(found)
            else:
                images.append(SeenImage(member=member_of(file, found.facts), inspection=found))
            if progress is not None and (done % 100 == 0 or done == len(files)):
                progress(done, len(files))
    return images, bad_files


def _inspect(file: ImageFile, *, ranges: PixelRanges) -> Inspection | BadFile:
    try:
        return inspect_file(file.path, ranges, size=FOLDER_SIZE)
    except UnreadableImageError as error:
        return BadFile(path=file.shown, problem=str(error))


def see_arrays(arrays: ImageArrays) -> Seen:
    """Describe arrays, which have been read."""
    height, width, channels = arrays.images.shape[1:]
    members = list(array_members(arrays))
    return Seen(
        images=[SeenImage(member=member, inspection=None) for member in members],
        pixel_values=arrays.range_lines,
        notes=[finding.text for finding in arrays.findings],
        sizes={f"{width}x{height}": len(members)},
        modes={"L" if channels == 1 else "RGB": len(members)},
    )
