"""Stratified, seeded choices of images: for validation, for a test part, for a quick look."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from objectives.data.records import Dataset, Split
from spaces.errors import DataError, UsageError

HELD_OUT_ONE_IN = 5
"""Of the training images, for validation; of all images, for a test part where data come without one."""
TEST_SEED = 0
SINGLE_IMAGES = "every class has a single image; accepted: several images of each class"

Rows = NDArray[np.int32]
"""Positions in `Dataset.images`."""


def split(dataset: Dataset, *, seed: int, train_images: int | None = None) -> Split:
    """Choose the images that train and the images that validate.

    A fifth of the images (rounded up) validates, with each class in proportion and at least one
    image of each class that has two; a class of one image trains. A validation part that came with
    the data is used as it is.

    Args:
        dataset: The images to choose among; its test images are left alone.
        seed: The same seed and labels give the same split.
        train_images: Use a stratified subset of so many images, for training and validation
            together (for training alone where validation came with the data). None: all.

    Returns:
        Sorted, disjoint rows of `dataset.images`.

    Raises:
        UsageError: `train_images` is more than there are, or fewer than two a class.
        DataError: No class has two images, so that none can validate.
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
    chosen = hold_out(dataset.labels[pool], generator=generator)
    if not len(chosen):
        raise DataError(SINGLE_IMAGES)
    return Split(train=np.delete(pool, chosen), validation=pool[chosen], seed=seed)


def hold_out(labels: NDArray[np.int32], *, generator: np.random.Generator) -> Rows:
    """Choose a stratified fifth, rounded up, that leaves each class at least one image.

    Args:
        labels: (n,) class indices.
        generator: Decides which images of a class.

    Returns:
        Sorted positions in `labels`; empty where each class has a single image.
    """
    return choose(labels, count=-(-len(labels) // HELD_OUT_ONE_IN), keep=1, least=1, generator=generator)


def hold_out_test(labels: NDArray[np.int32]) -> Rows:
    """Choose the test part of data that come without one: the same fifth in every run.

    Raises:
        DataError: every class has a single image.
    """
    rows = hold_out(labels, generator=np.random.default_rng(TEST_SEED))
    if not len(rows):
        raise DataError(SINGLE_IMAGES)
    return rows


def choose(labels: NDArray[np.int32], *, count: int, keep: int, least: int, generator: np.random.Generator) -> Rows:
    """Choose `count` images with each class in proportion.

    Shares are rounded by largest remainder. Written here because scikit-learn's stratified splits
    refuse a class of one image and a part smaller than the number of classes.

    Args:
        labels: (n,) class indices.
        count: How many to choose; more where `least` asks for it, fewer where `keep` does.
        keep: Images of each class that must not be chosen.
        least: Images of each class to choose at least, as far as it has them beyond `keep`.
        generator: Decides which images of a class.

    Returns:
        Sorted positions in `labels`.
    """
    _, of_class, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    most = np.maximum(sizes - keep, 0)
    share = sizes * (count / max(len(labels), 1))
    quota = np.clip(np.floor(share + 1e-9).astype(np.int64), np.minimum(least, most), most)
    while quota.sum() < min(count, most.sum()):
        quota[np.argmax(np.where(quota < most, share - quota, -np.inf))] += 1
    chosen = [
        generator.permutation(np.flatnonzero(of_class == position))[:wanted] for position, wanted in enumerate(quota)
    ]
    return np.sort(np.concatenate([*chosen, np.empty(0, np.int64)])).astype(np.int32)


def _check_subset(labels: NDArray[np.int32], wanted: int) -> None:
    available, classes = len(labels), len(np.unique(labels))
    if wanted > available:
        raise UsageError(f"--train-images {wanted} is more than the {available} training images there are")
    if wanted < 2 * classes:
        raise UsageError(
            f"--train-images {wanted} is too few for {classes} classes; accepted: {2 * classes} to {available}"
        )
