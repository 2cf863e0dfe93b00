"""The records of image data: a dataset as loaded, a file that could not be read, a split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spaces.recipe import ImageShape


@dataclass(frozen=True, kw_only=True)
class BadFile:
    """A file of the data that is no readable image."""

    path: str
    """Relative to the data folder."""
    problem: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Images and labels, decoded once; the arrays may be read-only memory maps."""

    name: str
    """As a person named it: "digits", or the folder's own name."""
    classes: tuple[str, ...]
    """In natural order; a label is a position in it."""
    images: NDArray[np.uint8]
    """(n, height, width, channels): all that may be trained or validated on."""
    labels: NDArray[np.int32]
    """(n,)"""
    given_validation: NDArray[np.int32] | None
    """Rows of `images` that came as a validation part of their own; None: choose by `split`."""
    test_images: NDArray[np.uint8]
    """(m, height, width, channels): touched once, by winners. Data without a test part gives up a
    stratified fifth for it, the same fifth whatever the run's seed."""
    test_labels: NDArray[np.int32]
    fingerprint: str
    """"sha256:..." over classes, shapes, pixels and labels of all parts."""
    bad_files: tuple[BadFile, ...] = ()

    @property
    def shape(self) -> ImageShape:
        """Shape of one image."""
        _, height, width, channels = self.images.shape
        return ImageShape(height=height, width=width, channels=channels)


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """Which images of a dataset train and which validate; disjoint rows of `Dataset.images`."""

    train: NDArray[np.int32]
    validation: NDArray[np.int32]
    seed: int
