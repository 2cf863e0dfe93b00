"""Checks a dataset before a search is spent on it: `check`, and `lines` to print the result."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from natsort import natsorted

from objectives.data.checks.images import Seen, see_arrays, see_files
from objectives.data.checks.records import ClassCount, DataCheck, Duplicates, Tally
from objectives.data.checks.text import lines
from objectives.data.copies import ALLOWED, Member, check_variety, copy_findings, equal_images, group_numbers
from objectives.data.directories import DataDirectories
from objectives.data.folders.given import read_parts
from objectives.data.folders.index import ImageIndex
from objectives.data.folders.layout import PARTS
from objectives.data.images.pixels import Progress
from objectives.data.images.ranges import PixelRange
from objectives.data.records import Finding
from objectives.data.sources.finding import ArraySource, Given, find
from objectives.data.splitting import check_splits
from spaces.errors import DataError

__all__ = ["check", "lines"]

ODD_NAMED = 3
"""Images of a kind that are worth knowing; the rest is counted."""
IMBALANCE_NOTED = 10.0
"""Images of the largest class for each of the smallest, from which on it is an oddity."""


def check(
    reference: str,
    *,
    directories: DataDirectories,
    skip_bad: bool = False,
    pixel_range: PixelRange | None = None,
    parts: Sequence[str] = (),
    allow: Sequence[str] = (),
    progress: Progress | None = None,
) -> DataCheck:
    """Decode all images of a dataset and find what a search would refuse, and what may mislead it.

    Args:
        reference: What `load` accepts.
        directories: Where to look.
        skip_bad: As for `load`, as are the next three.
        pixel_range: The stored values that are black and white.
        parts: "train=FOLDER" each.
        allow: Faults that a search is to accept.
        progress: Called now and then with the images decoded and all there are.

    Raises:
        UnknownNameError: neither a known name nor a path that exists.
        DataError: a path that does not exist or can't be listed, or arrays that can't be read.
    """
    source = find(reference, directories, given=Given(pixel_range=pixel_range, parts=read_parts(parts)))
    if isinstance(source, ArraySource):
        arrays = source.read()
        seen = see_arrays(arrays)
        index = ImageIndex(
            classes=arrays.classes,
            files=(),
            problems=() if len(arrays.classes) > 1 else ("a single class; two or more are needed",),
        )
    else:
        index = source.index
        seen = see_files(source, progress)
    members = [image.member for image in seen.images]
    counts = _class_counts(index, members)
    accepted = ALLOWED if isinstance(source, ArraySource) and not source.is_own else allow
    findings = copy_findings(members)
    refused = [finding for finding in findings if finding.allow and finding.allow not in accepted]
    noted = [finding for finding in findings if finding not in refused]
    return DataCheck(
        name=source.name,
        classes=counts,
        sizes=_tallies(seen.sizes),
        modes=_tallies(seen.modes),
        bad_files=tuple(seen.bad_files),
        ignored=index.ignored,
        pixel_values=tuple(seen.pixel_values),
        duplicates=_duplicates(members),
        oddities=tuple(_oddities(index, counts, seen, noted)),
        problems=tuple(_problems(index, counts, seen, refused, skip_bad=skip_bad)),
    )


def _class_counts(index: ImageIndex, members: Sequence[Member]) -> tuple[ClassCount, ...]:
    counts = Counter((member.label, member.part) for member in members)
    labels = natsorted({*index.classes, *(member.label for member in members)})
    return tuple(
        ClassCount(
            label=label,
            train=counts[label, "train"],
            validation=counts[label, "validation"],
            test=counts[label, "test"],
        )
        for label in labels
    )


def _tallies(kinds: Mapping[str, int]) -> tuple[Tally, ...]:
    return tuple(Tally(kind=kind, images=count) for kind, count in sorted(kinds.items(), key=lambda item: -item[1]))


def _duplicates(members: Sequence[Member]) -> tuple[Duplicates, ...]:
    return tuple(
        Duplicates(
            files=tuple(member.shown for member in group),
            parts=tuple(part for part in PARTS if any(member.part == part for member in group)),
            labels=tuple(natsorted({member.label for member in group})),
        )
        for group in equal_images(members)
    )


def _problems(
    index: ImageIndex,
    counts: Sequence[ClassCount],
    seen: Seen,
    refused: Sequence[Finding],
    *,
    skip_bad: bool,
) -> Iterator[str]:
    yield from index.problems
    if seen.bad_files and not skip_bad:
        bad = _counted(len(seen.bad_files), "unreadable file")
        yield f"{bad}: a search stops there, or leaves them out with --skip-bad"
        if index.missing and not index.problems:
            yield index.missing
    lost = [count.label for count in counts if not count.train and count.label in index.classes]
    if lost:
        yield f"no readable training image: {', '.join(lost)}"
    if seen.problem:
        yield seen.problem
    yield from (f"{finding.text} (--allow {finding.allow})" for finding in refused)
    if not index.problems and not lost:
        yield from _split_problem([image.member for image in seen.images])


def _split_problem(members: Sequence[Member]) -> Iterator[str]:
    """Why there is nothing to learn, or parts that did not come with the data can't be chosen."""
    training = [member for member in members if member.part == "train"]
    _, labels = np.unique([member.label for member in training], return_inverse=True)
    parts = {member.part for member in members}
    try:
        check_variety(members)
        check_splits(
            labels.astype(np.int32),
            group_numbers([member.digest for member in training]),
            has_validation="validation" in parts,
            has_test="test" in parts,
        )
    except DataError as error:
        yield str(error)


def _oddities(index: ImageIndex, counts: Sequence[ClassCount], seen: Seen, noted: Sequence[Finding]) -> Iterator[str]:
    yield from index.notes
    yield from seen.notes
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
    yield from (finding.text for finding in noted)
    odd: dict[str, list[str]] = defaultdict(list)
    for image in seen.images:
        for oddity in image.inspection.oddities if image.inspection else ():
            odd[oddity].append(image.member.shown)
    for oddity, files in sorted(odd.items(), key=lambda item: -len(item[1])):
        yield f"{_counted(len(files), 'image')} {oddity} ({_few(files)})"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _few(files: Sequence[str]) -> str:
    more = f" and {len(files) - ODD_NAMED} more" if len(files) > ODD_NAMED else ""
    return ", ".join(files[:ODD_NAMED]) + more
