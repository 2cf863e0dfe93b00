"""Pixels as PNG pictures inside the page."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def png(pixels: NDArray[np.uint8]) -> str:
    """Return (height, width, 1 or 3) or (height, width) pixels as a data address of a PNG picture."""
    flat = pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    stored = io.BytesIO()
    Image.fromarray(flat).save(stored, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stored.getvalue()).decode()


def tiled(maps: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (rows, height, width, columns) maps as one grey picture, a row each, one pixel apart."""
    rows, height, width, columns = maps.shape
    sheet: NDArray[Any] = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), 128, dtype=np.uint8)
    for row in range(rows):
        for column in range(columns):
            top, left = row * (height + 1), column * (width + 1)
            sheet[top : top + height, left : left + width] = maps[row, :, :, column]
    return sheet
