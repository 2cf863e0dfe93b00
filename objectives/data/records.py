"""The records of image data: a dataset as loaded, what was found in it, a split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from spaces.recipe import ImageShape


@dataclass(frozen=True, kw_only=True)
class BadFile:
    """A file of the data that is not a readable image."""

    path: str
    """Relative to the data folder."""
    problem: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something about the data that a user should know, in one sentence or more."""

    text: str
    allow: str = ""
    """What `--allow` must name before a search starts on these data: "overlap" or "conflicts"; "": nothing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Images and labels, decoded once; the arrays may be read-only memory maps."""

    name: str
    """As the user named it: "digits", or the folder's own name."""
    classes: tuple[str, ...]
    """In natural order; a label is a position in it."""
    images: NDArray[np.uint8]
    """(n, height, width, channels): all that may be trained or validated on."""
    labels: NDArray[np.int32]
    """(n,)"""
    given_validation: NDArray[np.int32] | None
    """Rows of `images` that came as a validation part of their own; None: choose by `split`."""
    test_images: NDArray[np.uint8]
    """(m, height, width, channels): only winners are measured on them. Data without a test part give up a
    stratified fifth for it, the same fifth for every seed."""
    test_labels: NDArray[np.int32]
    fingerprint: str
    """"sha256:..." over classes, shapes, pixels and labels of all parts."""
    bad_files: tuple[BadFile, ...] = ()
    groups: NDArray[np.int32] | None = None
    """(n,): equal for images of equal pixels, which a split keeps together. None: all differ."""
    pixel_ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """The stored values that are black and white; see `objectives.data.images.ranges`."""
    findings: tuple[Finding, ...] = ()

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
