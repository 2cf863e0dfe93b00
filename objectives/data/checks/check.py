"""What is wrong with a dataset, before a search is spent on it: `check`, and `lines` to print it."""

from __future__ import annotations

import os
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from natsort import natsorted

from objectives.data.checks.inspect import Inspection, inspect_array, inspect_file
from objectives.data.checks.records import ClassCount, DataCheck, Duplicates, Tally
from objectives.data.checks.text import lines
from objectives.data.directories import DataDirectories
from objectives.data.folders.index import ImageFile, ImageIndex
from objectives.data.folders.layout import PARTS, Part
from objectives.data.images.decoding import UnreadableImageError
from objectives.data.images.pixels import Progress
from objectives.data.records import BadFile
from objectives.data.sources.finding import ArraySource, FileSource, find

__all__ = ["check", "lines"]

ODD_NAMED = 3
"""Images of a kind that are worth knowing; the rest is counted."""
IMBALANCE_NOTED = 10.0
"""Images of the largest class for each of the smallest, from which on it is an oddity."""


@dataclass(frozen=True, kw_only=True)
class _Image:
    """A readable image in its place."""

    shown: str
    label: str
    part: Part
    inspection: Inspection


def check(reference: str, *, directories: DataDirectories, progress: Progress | None = None) -> DataCheck:
    """Decode all images of a dataset and look for what would stop or mislead a search.

    A dataset is poisoned by unreadable files (without `--skip-bad`), by images that occur in
    several parts, by a single class, and by classes that are tested but not trained.

    Args:
        reference: What `load` accepts.
        directories: Where to look.
        progress: Called now and then with the images decoded and all there are.

    Raises:
        UnknownNameError: neither a known name nor a path that exists.
        DataError: a path that does not exist or can't be listed, or a damaged archive.
    """
    source = find(reference, directories)
    if isinstance(source, ArraySource):
        classes, images = _inspect_arrays(source)
        bad_files: list[BadFile] = []
        index = ImageIndex(classes=classes, files=(), problems=() if len(classes) > 1 else ("a single class",))
    else:
        index = source.index
        images, bad_files = _inspect_files(source, progress)
    counts = _class_counts(index, images)
    duplicates = _duplicates(images)
    return DataCheck(
        name=source.name,
        classes=counts,
        sizes=_tallies(f"{image.inspection.width}x{image.inspection.height}" for image in images),
        modes=_tallies(image.inspection.mode for image in images),
        bad_files=tuple(bad_files),
        ignored=index.ignored,
        duplicates=duplicates,
        oddities=tuple(_oddities(index, counts, images, duplicates)),
        problems=tuple(_problems(index, counts, bad_files, duplicates)),
    )


def _inspect_files(source: FileSource, progress: Progress | None) -> tuple[list[_Image], list[BadFile]]:
    images: list[_Image] = []
    bad_files: list[BadFile] = []
    files = source.index.files
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as threads:
        warnings.filterwarnings("ignore", module="PIL")
        for done, (file, found) in enumerate(zip(files, threads.map(_inspect, files), strict=True), start=1):
            if isinstance(found, BadFile):
                bad_files.append(found)
            else:
                images.append(_Image(shown=file.shown, label=file.label, part=file.part, inspection=found))
            if progress is not None and (done % 100 == 0 or done == len(files)):
                progress(done, len(files))
    return images, bad_files


def _inspect(file: ImageFile) -> Inspection | BadFile:
    try:
        return inspect_file(file.path)
    except UnreadableImageError as error:
        return BadFile(path=file.shown, problem=str(error))


def _inspect_arrays(source: ArraySource) -> tuple[tuple[str, ...], list[_Image]]:
    arrays = source.read()
    parts = {"train": (arrays.images, arrays.labels)} | ({"test": arrays.test} if arrays.test else {})
    images = [
        _Image(
            shown=f"{part} image {position}",
            label=arrays.classes[label],
            part="train" if part == "train" else "test",
            inspection=inspect_array(pixels),
        )
        for part, (all_pixels, labels) in parts.items()
        for position, (pixels, label) in enumerate(zip(all_pixels, labels, strict=True))
    ]
    return arrays.classes, images


def _class_counts(index: ImageIndex, images: Sequence[_Image]) -> tuple[ClassCount, ...]:
    counts = Counter((image.label, image.part) for image in images)
    labels = natsorted({*index.classes, *(image.label for image in images)})
    return tuple(
        ClassCount(
            label=label,
            train=counts[label, "train"],
            validation=counts[label, "validation"],
            test=counts[label, "test"],
        )
        for label in labels
    )


def _tallies(kinds: Iterable[str]) -> tuple[Tally, ...]:
    return tuple(Tally(kind=kind, images=count) for kind, count in Counter(kinds).most_common())


def _duplicates(images: Sequence[_Image]) -> tuple[Duplicates, ...]:
    same: dict[str, list[_Image]] = defaultdict(list)
    for image in images:
        same[image.inspection.pixels_digest].append(image)
    return tuple(
        Duplicates(
            files=tuple(image.shown for image in group),
            equal="bytes" if len({image.inspection.bytes_digest for image in group} - {""}) == 1 else "pixels",
            parts=tuple(part for part in PARTS if any(image.part == part for image in group)),
            labels=tuple(natsorted({image.label for image in group})),
        )
        for group in same.values()
        if len(group) > 1
    )


def _problems(
    index: ImageIndex, counts: Sequence[ClassCount], bad_files: Sequence[BadFile], duplicates: Sequence[Duplicates]
) -> Iterator[str]:
    yield from index.problems
    if bad_files:
        yield f"{_counted(len(bad_files), 'unreadable file')}: a search stops there, or leaves them out with --skip-bad"
    lost = [count.label for count in counts if not count.train and count.label in index.classes]
    if lost:
        yield f"no readable training image: {', '.join(lost)}"
    for pair in (("train", "validation"), ("train", "test"), ("validation", "test")):
        across = sum(set(pair) <= set(group.parts) for group in duplicates)
        if across:
            yield f"{_counted(across, 'image')} both in {pair[0]} and in {pair[1]}: scores would come out too high"


def _oddities(
    index: ImageIndex, counts: Sequence[ClassCount], images: Sequence[_Image], duplicates: Sequence[Duplicates]
) -> Iterator[str]:
    if index.empty_classes:
        yield f"folders without an image, left out: {', '.join(index.empty_classes)}"
    single = [count.label for count in counts if count.images == 1]
    if single:
        yield f"classes of one image, which trains and is never measured: {', '.join(single)}"
    for part in ("validation", "test"):
        absent = [count.label for count in counts if count.train and not getattr(count, part)]
        if absent and len(absent) < len(counts):
            yield f"classes without a {part} image: {', '.join(absent)}"
    trained = [count.train for count in counts if count.train]
    if trained and max(trained) > IMBALANCE_NOTED * min(trained):
        yield f"unequal classes: {min(trained)} to {max(trained)} training images; accuracy hides the small ones"
    within = [group for group in duplicates if len(group.parts) == 1]
    if within:
        yield f"{_counted(len(within), 'image')} more than once in a part: a split may part them"
    contradicting = sum(len(group.labels) > 1 for group in duplicates)
    if contradicting:
        yield f"{_counted(contradicting, 'image')} in several classes"
    odd: dict[str, list[str]] = defaultdict(list)
    for image in images:
        for oddity in image.inspection.oddities:
            odd[oddity].append(image.shown)
    for oddity, files in sorted(odd.items(), key=lambda item: -len(item[1])):
        yield f"{_counted(len(files), 'image')} {oddity} ({_few(files)})"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _few(files: Sequence[str]) -> str:
    more = f" and {len(files) - ODD_NAMED} more" if len(files) > ODD_NAMED else ""
    return ", ".join(files[:ODD_NAMED]) + more
