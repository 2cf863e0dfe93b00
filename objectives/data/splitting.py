"""Stratified, seeded choices of images: for validation, for a test part, for a quick look."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from objectives.data.records import Dataset, Split
from spaces.errors import DataError, UsageError

HELD_OUT_ONE_IN = 5
"""Of the training images, for validation; of all images, for a test part where data come without one."""
TEST_SEED = 0
Rows = NDArray[np.int32]
"""Positions in `Dataset.images`."""


def split(dataset: Dataset, *, seed: int, train_images: int | None = None) -> Split:
    """Choose the images that train and the images that validate.

    A fifth of the images (rounded up) validates, with each class in proportion and at least one
    image of each class that has two; a class of one image trains. Equal images stay together. A
    validation part that came with the data is used as it is.

    Args:
        dataset: The images to choose among; its test images are left alone.
        seed: The same seed and labels give the same split.
        train_images: Use a stratified subset of this size, for training and validation
            together (for training alone where validation came with the data). None: all.

    Returns:
        Sorted, disjoint rows of `dataset.images`.

    Raises:
        UsageError: `train_images` is more than there are, or fewer than two a class.
        DataError: No class has two different images, so that none can validate.
    """
    generator = np.random.default_rng(seed)
    given = dataset.given_validation
    rows: Rows = np.arange(len(dataset.labels), dtype=np.int32)
    pool = rows if given is None else np.setdiff1d(rows, given).astype(np.int32)
    if train_images is not None:
        _check_subset(dataset.labels[pool], train_images)
        pool = pool[choose(dataset.labels[pool], count=train_images, keep=0, least=2, generator=generator)]
    if given is not None:
        return Split(train=pool, validation=np.sort(given), seed=seed)
    groups = None if dataset.groups is None else dataset.groups[pool]
    chosen = hold_out(dataset.labels[pool], groups=groups, keep=1, generator=generator)
    _check_validates(chosen)
    return Split(train=np.delete(pool, chosen), validation=pool[chosen], seed=seed)


def split_digest(chosen: Split) -> str:
    """Return "sha256:..." of the rows of a split, which another version might choose otherwise."""
    digest = hashlib.sha256()
    for rows in (chosen.train, chosen.validation):
        digest.update(f"{len(rows)} ".encode() + rows.astype("<i4").tobytes())
    return f"sha256:{digest.hexdigest()}"


def hold_out(
    labels: NDArray[np.int32],
    *,
    groups: NDArray[np.int32] | None = None,
    keep: int,
    generator: np.random.Generator,
) -> Rows:
    """Choose a stratified fifth, rounded up.

    Args:
        labels: (n,) class indices.
        groups: (n,) equal for images that stay together; None: none do.
        keep: Images that stay behind of each class.
        generator: Decides which images of a class.

    Returns:
        Sorted positions in `labels`; empty where no class can spare an image.
    """
    count = -(-len(labels) // HELD_OUT_ONE_IN)
    return choose(labels, groups=groups, count=count, keep=keep, least=1, generator=generator)


def hold_out_test(labels: NDArray[np.int32], groups: NDArray[np.int32] | None = None, *, validates: bool) -> Rows:
    """Choose the test part of data that come without one: the same fifth in every run.

    Args:
        labels: (n,) class indices.
        groups: (n,) equal for images that stay together; None: none do.
        validates: Whether one image of each class must be left for validation, beside one to train on.

    Raises:
        DataError: no class has enough images.
    """
    keep = 2 if validates else 1
    rows = hold_out(labels, groups=groups, keep=keep, generator=np.random.default_rng(TEST_SEED))
    if not len(rows):
        least, parts = (3, "to train, to validate and to test") if validates else (2, "to train and to test")
        raise DataError(f"no class has {least} different images, one each {parts}, and no test part came with the data")
    return rows


def check_splits(labels: NDArray[np.int32], groups: NDArray[np.int32], *, has_validation: bool, has_test: bool) -> None:
    """Refuse training images that cannot give up the parts that did not come with the data.

    Raises:
        DataError: as `hold_out_test` and `split`.
    """
    if not has_test:
        held = hold_out_test(labels, groups, validates=not has_validation)
        labels, groups = np.delete(labels, held), np.delete(groups, held)
    if not has_validation:
        _check_validates(hold_out(labels, groups=groups, keep=1, generator=np.random.default_rng(0)))


def _check_validates(chosen: Rows) -> None:
    if not len(chosen):
        raise DataError("no class has 2 different images, one each to train and to validate")


def choose(
    labels: NDArray[np.int32],
    *,
    groups: NDArray[np.int32] | None = None,
    count: int,
    keep: int,
    least: int,
    generator: np.random.Generator,
) -> Rows:
    """Choose `count` images with each class in proportion.

    Shares are rounded by largest remainder. Written here because scikit-learn's stratified splits
    refuse a class of one image and a part smaller than the number of classes.

    Args:
        labels: (n,) class indices.
        groups: (n,) equal for images that are chosen together or not at all; None: all differ. A
            group belongs to the class of its first image.
        count: How many to choose; more where `least` asks for it, fewer where `keep` does or where
            groups do not add up to it.
        keep: Groups of each class that must not be chosen.
        least: Groups of each class to choose at least, as far as it has them beyond `keep`.
        generator: Decides which images of a class.

    Returns:
        Sorted positions in `labels`.
    """
    groups = np.arange(len(labels), dtype=np.int32) if groups is None else groups
    _, first, inverse, group_sizes = np.unique(groups, return_index=True, return_inverse=True, return_counts=True)
    classes, of_class = np.unique(labels[first], return_inverse=True)
    members = [np.flatnonzero(of_class == position) for position in range(len(classes))]
    sizes = np.array([group_sizes[these].sum() for these in members], np.int64)
    most = np.array([_spare(group_sizes[these], keep) for these in members], np.int64)
    share = sizes * (count / max(len(labels), 1))
    quota = np.clip(np.floor(share + 1e-9).astype(np.int64), np.minimum(least, most), most)
    while quota.sum() < min(count, most.sum()):
        quota[np.argmax(np.where(quota < most, share - quota, -np.inf))] += 1
    chosen = [
        _fill(generator.permutation(these), group_sizes, images=wanted, least=least, keep=keep)
        for these, wanted in zip(members, quota, strict=True)
    ]
    return np.flatnonzero(np.isin(inverse, np.concatenate([*chosen, np.empty(0, np.int64)]))).astype(np.int32)


def _spare(group_sizes: NDArray[np.int64], keep: int) -> int:
    """Images that can be chosen from groups of these sizes when `keep` groups must not be."""
    return int(np.sort(group_sizes)[keep:].sum())


def _fill(
    groups: NDArray[np.int64], group_sizes: NDArray[np.int64], *, images: int, least: int, keep: int
) -> NDArray[np.int64]:
    """Take groups in their order while they fit into `images`; at least `least`, and never the last `keep`."""
    spare = max(len(groups) - keep, 0)
    if (group_sizes[groups] == 1).all():
        return groups[: min(images, spare)]
    taken: list[np.int64] = []
    for group in groups:
        if group_sizes[group] <= images and len(taken) < spare:
            taken.append(group)
            images -= group_sizes[group]
    if len(taken) < min(least, spare):  # copies of one image are more than the share of a small class
        others = [group for group in groups if group not in taken]
        taken += sorted(others, key=lambda group: group_sizes[group])[: min(least, spare) - len(taken)]
    return np.array(taken, np.int64)


def _check_subset(labels: NDArray[np.int32], wanted: int) -> None:
    available, classes = len(labels), len(np.unique(labels))
    if wanted > available:
        raise UsageError(
            f"invalid --train-images {wanted}: expected at most {available}, the number of training images"
        )
    if wanted < 2 * classes:
        raise UsageError(
            f"invalid --train-images {wanted}: expected {2 * classes} to {available}, two images of each class at least"
        )
