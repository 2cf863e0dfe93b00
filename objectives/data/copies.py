"""Images that occur more than once: in several parts, under several labels, encoded or resized again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from objectives.data.folders.layout import PARTS, Part
from objectives.data.records import Finding
from spaces.errors import DataError

ALLOWED = ("overlap", "conflicts")
"""What `--allow` accepts."""
CONFLICT_SHARE = 0.005
"""Images under several labels that a search takes without a question."""
LOOK_BITS = 64
LOOK_DISTANCE = 4
"""Bits of a perceptual hash that may differ between images that are counted as look-alikes. Of pairs of
different CIFAR-10 images none in a million is that close; of copies at three quarters of the size and JPEG
quality 60, nine in ten are (of 32x32 pixels, two in three)."""
LARGEST_BUCKET = 1000
"""Images compared with each other; a larger bucket holds blank images or the like."""
NAMED = 3
"""Examples in a sentence; `data check` lists more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """An image of a dataset, as far as its copies are concerned."""

    shown: str
    label: str
    part: Part
    digest: bytes
    look: int | None


def group_numbers(digests: Sequence[bytes | None]) -> NDArray[np.int32]:
    """Return a number for each image, equal for equal digests; an image without one is alone."""
    numbers: dict[bytes | int, int] = {}
    keys = (position if digest is None else digest for position, digest in enumerate(digests))
    return np.fromiter((numbers.setdefault(key, len(numbers)) for key in keys), np.int32, len(digests))


def equal_images(members: Sequence[Member]) -> list[list[Member]]:
    """Return the groups of two and more images with equal pixels."""
    groups: Mapping[bytes, list[Member]] = defaultdict(list)
    for member in members:
        groups[member.digest].append(member)
    return [group for group in groups.values() if len(group) > 1]


def check_variety(members: Sequence[Member]) -> None:
    """Refuse a dataset of which most images are one and the same.

    Raises:
        DataError: more than half of the images have equal pixels.
    """
    same = max(equal_images(members), key=len, default=[])
    if 2 * len(same) > len(members):
        raise DataError(
            f"{len(same):,} of {len(members):,} images have the same pixels, such as {same[0].shown} and "
            f"{same[1].shown}: nothing can be learnt from them"
        )


def copy_findings(members: Sequence[Member]) -> list[Finding]:
    """Return what a search on these images must be allowed, and what is worth knowing."""
    groups = equal_images(members)
    return [
        *_overlaps(groups),
        *_conflicts(groups, images=len(members)),
        *_copies_within(groups),
        *_look_alikes(members),
    ]


def _overlaps(groups: Sequence[Sequence[Member]]) -> Iterator[Finding]:
    for first, second in combinations(PARTS, 2):
        pairs = [
            (member, next(other for other in group if other.part == first))
            for group in groups
            if any(other.part == first for other in group)
            for member in group
            if member.part == second
        ]
        if pairs:
            examples = _listed([f"{member.shown} = {other.shown}" for member, other in pairs])
            text = f"{_images(len(pairs))} of {second} {_are(len(pairs))} also in {first}, so scores come out too high"
            yield Finding(text=f"{text}: {examples}", allow="overlap")


def _conflicts(groups: Sequence[Sequence[Member]], *, images: int) -> Iterator[Finding]:
    found = [group for group in groups if len({member.label for member in group}) > 1]
    if found:
        count = sum(map(len, found))
        share = count / images
        of_labels = [{member.label: member for member in reversed(group)} for group in found]
        one_each = [sorted(of.values(), key=group.index)[:NAMED] for of, group in zip(of_labels, found, strict=True)]
        examples = _listed([" = ".join(f"{m.shown} ({m.label})" for m in some) for some in one_each])
        text = f"{_images(count)} ({share:.1%}) occur with several labels: {examples}"
        yield Finding(text=text, allow="conflicts" if share > CONFLICT_SHARE else "")


def _copies_within(groups: Sequence[Sequence[Member]]) -> Iterator[Finding]:
    within = [
        same
        for group in groups
        for part in PARTS
        if len(same := [member for member in group if member.part == part]) > 1
    ]
    if within:
        count = sum(len(group) - 1 for group in within)
        examples = _listed([f"{group[1].shown} = {group[0].shown}" for group in within])
        are = "is an exact copy" if count == 1 else "are exact copies"
        yield Finding(text=f"{_images(count)} {are}; a split keeps copies together: {examples}")


def _look_alikes(members: Sequence[Member]) -> Iterator[Finding]:
    looked = [member for member in members if member.look is not None]
    partner = _near(np.array([member.look for member in looked], np.uint64), [member.digest for member in looked])
    if partner:
        examples = _listed([f"{looked[a].shown} ~ {looked[b].shown}" for a, b in sorted(partner.items())])
        yield Finding(
            text=f"{_images(len(partner))} {'looks' if len(partner) == 1 else 'look'} like another, perhaps resized or "
            f"encoded again (at most {LOOK_DISTANCE} of {LOOK_BITS} bits of a difference hash differ): {examples}"
        )


def _near(looks: NDArray[np.uint64], digests: Sequence[bytes]) -> dict[int, int]:
    """Position of each image to that of an earlier one with a similar hash and other pixels.

    Of hashes that differ in at most k bits, one of k + 1 blocks of bits is equal: only images with an
    equal block are compared.
    """
    found: dict[int, int] = {}
    edges = np.linspace(0, LOOK_BITS, LOOK_DISTANCE + 2).astype(np.uint64)
    for start, end in pairwise(edges):
        block = (looks >> start) & np.uint64((1 << int(end - start)) - 1)
        order = np.argsort(block, kind="stable")
        for bucket in np.split(order, np.flatnonzero(np.diff(block[order])) + 1):
            if not 1 < len(bucket) <= LARGEST_BUCKET:
                continue
            distance = np.bitwise_count(looks[bucket, None] ^ looks[None, bucket])
            for later, earlier in np.argwhere(np.tril(distance <= LOOK_DISTANCE, -1)):
                if digests[bucket[later]] != digests[bucket[earlier]]:
                    found.setdefault(int(bucket[later]), int(bucket[earlier]))
    return found


def _images(count: int) -> str:
    return f"{count:,} image" if count == 1 else f"{count:,} images"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _listed(examples: Sequence[str]) -> str:
    more = f" and {len(examples) - NAMED:,} more" if len(examples) > NAMED else ""
    return ", ".join(examples[:NAMED]) + more
