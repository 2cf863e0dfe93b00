"""What the search records about its winner so that a report can show it without the data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from objectives.files import whole_file
from objectives.records import Predictions
from reports.findings import LOOKS
from reports.mistakes import worth_a_look

_longest_side = 96
"""Pixels; larger images are shrunk to it."""


def write_thumbnails(best: Path, *, predictions: Predictions, images: NDArray[np.uint8]) -> None:
    """Write `thumbnails.npz`: small pictures of the test images that a report shows.

    Args:
        best: the winner's folder.
        predictions: the winner's, on the test images.
        images: (n, height, width, channels), all test images; `predictions.images` are positions in it.
    """
    shown = worth_a_look(predictions, most=LOOKS)
    with whole_file(best / "thumbnails.npz") as file:
        np.savez_compressed(file, images=shown, pixels=np.stack([_small(images[place]) for place in shown.tolist()]))


def _small(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shrink (height, width, channels) pixels to the longest side; smaller ones stay as they are."""
    height, width, channels = pixels.shape
    scale = _longest_side / max(height, width)
    if scale >= 1:
        return pixels
    flat: NDArray[Any] = pixels[:, :, 0] if channels == 1 else pixels
    small = Image.fromarray(flat).resize((max(1, round(width * scale)), max(1, round(height * scale))))
    return np.asarray(small, dtype=np.uint8).reshape(small.height, small.width, channels)
