"""Batches of training examples, in a reproducible order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from objectives.messages import Examples

Batch = tuple[NDArray[Any], NDArray[np.int32]]


class ShuffledBatches:
    """Batches of one pass over some examples, in an order that (seed, epoch) alone decides.

    Epochs may take turns at several versions of the examples, such as augmented views.

    Images are gathered batch by batch from the shared array; nothing else is copied. The last batch
    may be smaller.
    """

    def __init__(self, *versions: Examples, batch_size: int, seed: int) -> None:
        """Take the first version; all have the same number of examples, of one shape and type."""
        self._versions = versions
        self._examples = versions[0]
        self._batch_size = batch_size
        self._seed = seed
        self._order = self._examples.indices

    def __len__(self) -> int:
        return -(-len(self._examples) // self._batch_size)

    def __getitem__(self, step: int) -> Batch:
        rows = self._order[step * self._batch_size : (step + 1) * self._batch_size]
        return self._examples.images[rows], self._examples.labels[rows]

    def __iter__(self) -> Iterator[Batch]:
        return (self[step] for step in range(len(self)))

    def shuffle(self, epoch: int) -> None:
        """Take the version and the order of an epoch, counted from 1."""
        self._examples = self._versions[(epoch - 1) % len(self._versions)]
        self._order = np.random.default_rng([self._seed, epoch]).permutation(self._examples.indices)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(height, width, channels)"""
        return self._examples.images.shape[1:]

    @property
    def image_type(self) -> np.dtype[Any]:
        """uint8; float for features of a frozen part."""
        return self._examples.images.dtype
