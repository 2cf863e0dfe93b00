"""Pixel ranges: which stored values are black and white, found once from all images of a dataset.

8-bit files mean 0 to 255 nearly always. Everything wider is a guess when one image is seen alone: 10 bits
may lie in 16, floats may end at 1, at 255 or slightly outside. Seen together, most datasets leave no doubt;
the others are refused with their values, and `--pixel-range` decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spaces.errors import DataError

PixelRange = tuple[float, float]
"""The values that become black (0) and white (255)."""
PixelRanges = Mapping[str, PixelRange]
"""By storage: "1 bit", "8 bits", "16 bits", "32 bits", "whole numbers" (of arrays) or "floats"."""

FULL: PixelRanges = {
    "1 bit": (0.0, 1.0),
    "8 bits": (0.0, 255.0),
    "16 bits": (0.0, 65535.0),
    "32 bits": (0.0, 65535.0),
    "whole numbers": (0.0, 255.0),
    "floats": (0.0, 1.0),
}
"""What a storage means where nothing else is known."""
NARROW = {"1 bit", "8 bits"}
"""Of one byte at most."""
WHOLE_RANGES = ((0, 1), *((0, 2**bits - 1) for bits in (8, 10, 12, 14, 16)), (-128, 127))
FLOAT_RANGES = ((0, 1), (-0.5, 0.5), (-1, 1), *((0, 2**bits - 1) for bits in (8, 10, 12, 14, 16)))
DIGITS_RANGE = (0.0, 16.0)
"""Of scikit-learn's digits, which many people save as they are."""
OVERSHOOT = 0.15
"""Part of the range by which floats may leave it at either end, as bicubic resizing does. They are clipped."""
LEAST_USED = 0.25
"""Part of a range that the values of a dataset must span; with less, the range is probably another."""
MIXED_SHARE = 0.05
"""Images of a part that may end at 1 where the range ends far above."""
DARKEST_WHITE = 31
"""From 2 to this value, the brightest of all 8-bit images may be the number of a label, or white of 4 or 5 bits."""
FEW_LEVELS = 8
"""Of 256. An image with fewer, of which there were more, is as good as blank."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PixelValues:
    """Stored pixel values, image by image: arrays and sequences of the same length."""

    storage: Sequence[str]
    part: Sequence[str]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def of_storage(self) -> Iterator[tuple[str, PixelValues]]:
        """The values of each storage that occurs."""
        storage, part = np.array(self.storage, dtype=object), np.array(self.part, dtype=object)
        for name in FULL:
            rows = storage == name
            if rows.any():
                yield (
                    name,
                    PixelValues(storage=storage[rows], part=part[rows], low=self.low[rows], high=self.high[rows]),
                )


def find_ranges(values: PixelValues, *, given: PixelRange | None) -> dict[str, PixelRange]:
    """Return the range of each storage that occurs.

    Args:
        values: Of all images of the dataset, of all its parts.
        given: The range that the user set. 8-bit files beside wider ones keep theirs.

    Raises:
        DataError: the values do not make clear what is black and white, or leave next to nothing.
    """
    by_storage = dict(values.of_storage())
    narrow = NARROW if by_storage.keys() - NARROW else {"1 bit"}
    ranges: dict[str, PixelRange] = {}
    for storage, these in by_storage.items():
        if storage == "1 bit":
            ranges[storage] = FULL[storage]
        elif given is not None and storage not in narrow:
            ranges[storage] = given
        elif given is not None:
            found = likely_range(float(these.low.min()), float(these.high.max()), whole=True)
            ranges[storage] = found or FULL[storage]
        else:
            ranges[storage] = _clear_range(storage, these)
        _check_levels(storage, these, ranges[storage])
    return ranges


def range_lines(values: PixelValues, ranges: PixelRanges) -> list[str]:
    """Return a line for each storage: the values found, and those used as black and white."""
    return [
        f"pixel values from {these.low.min():g} to {these.high.max():g} ({storage}): "
        f"{ranges[storage][0]:g} is black, {ranges[storage][1]:g} is white"
        for storage, these in values.of_storage()
    ]


def unusual_lines(values: PixelValues, ranges: PixelRanges) -> list[str]:
    """Return the lines of `range_lines` that a user should see: values scaled other than by their type."""
    lines = zip(values.of_storage(), range_lines(values, ranges), strict=True)
    return [
        line
        for (storage, these), line in lines
        if ranges[storage] != FULL[storage] or these.low.min() < FULL[storage][0] or these.high.max() > FULL[storage][1]
    ]


def scaled(values: NDArray[Any], pixel_range: PixelRange) -> NDArray[np.uint8]:
    """Return values as whole numbers from 0 (black) to 255 (white); those outside the range are clipped."""
    if values.dtype == np.uint8 and pixel_range == FULL["8 bits"]:
        return values
    low, high = pixel_range
    numbers = values if values.dtype.kind == "f" else values.astype(np.float32)
    levels: NDArray[np.uint8] = np.rint(np.clip((numbers - low) * (255 / (high - low)), 0, 255)).astype(np.uint8)
    return levels


def likely_range(low: float, high: float, *, whole: bool) -> PixelRange | None:
    """Return the usual range that values from `low` to `high` fill, or None where none is clear."""
    if not whole and (low, high) == DIGITS_RANGE:
        return DIGITS_RANGE
    for black, white in WHOLE_RANGES if whole else FLOAT_RANGES:
        slack = 0.0 if whole else OVERSHOOT * (white - black)
        if black - slack <= low and high <= white + slack:
            return (float(black), float(white)) if high - low >= LEAST_USED * (white - black) else None
    return None


def _clear_range(storage: str, values: PixelValues) -> PixelRange:
    low, high = float(values.low.min()), float(values.high.max())
    if storage == "8 bits" and high > DARKEST_WHITE:
        low, high = FULL[storage]  # dark photographs: the format says what is white
    found = likely_range(low, high, whole=storage != "floats") if np.isfinite([low, high]).all() else None
    if found is None:
        raise DataError(
            f"pixel values go from {low:g} to {high:g} ({storage}); which are black and white is not clear.\n"
            f"Set it: --pixel-range LOW,HIGH, such as --pixel-range {FULL[storage][0]:g},{FULL[storage][1]:g}"
        )
    if found[1] >= DIGITS_RANGE[1]:
        small = (values.high <= 1 + OVERSHOOT) & (values.high > values.low)
        parts = np.array(values.part, dtype=object)
        for part in dict.fromkeys(values.part):
            if small[parts == part].mean() > MIXED_SHARE:
                raise DataError(
                    f"{small[parts == part].sum()} {part} images hold values up to {values.high[small].max():g}, "
                    f"others up to {high:g} ({storage}).\n"
                    "All images of a dataset need one range: store them alike, or set --pixel-range LOW,HIGH"
                )
    return found


def _check_levels(storage: str, values: PixelValues, pixel_range: PixelRange) -> None:
    """Refuse images of which most are blank: as stored, or in a range that outliers or the user made too wide."""
    flat = values.low == values.high
    if flat.mean() > 0.5:
        raise DataError(
            f"{flat.sum()} of {len(flat)} images have a single pixel value ({storage}), such as "
            f"{values.low[flat][0]:g}: nothing is left of them.\n"
            "Transparent images are laid on white; damaged exports are often black"
        )
    if storage in NARROW and pixel_range == FULL[storage]:
        return  # nothing is lost
    black, white = pixel_range
    spread = np.clip(values.high, black, white) - np.clip(values.low, black, white)
    blank = ~flat & (spread * 255 < FEW_LEVELS * (white - black))
    if blank.mean() > 0.5:
        raise DataError(
            f"{blank.sum()} of {len(spread)} images use fewer than {FEW_LEVELS} of the 256 levels from "
            f"{black:g} to {white:g} ({storage}): next to nothing is left of them.\n"
            f"Half of the images lie between {np.median(values.low):g} and {np.median(values.high):g}. "
            "Set the range: --pixel-range LOW,HIGH"
        )
