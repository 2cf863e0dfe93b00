"""One image looked at closely: its size, mode, oddities and digests."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from objectives.data.images.decoding import opened, plain


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What a readable image is."""

    width: int
    height: int
    """Both in pixels, upright."""
    mode: str
    """Pillow's word for how pixels are stored: "RGB", "L", "P", "CMYK", "I;16" ..."""
    oddities: tuple[str, ...]
    """How it differs from what it becomes: "of several frames: the first counts" ..."""
    bytes_digest: str
    """Equal for files that are equal; empty for an image of an array."""
    pixels_digest: str
    """Equal for images that look exactly the same."""


def inspect_file(path: Path) -> Inspection:
    """Decode an image file in full and describe it.

    Raises:
        UnreadableImageError: no image, a damaged one, or one of more than 50 megapixels.
    """
    with opened(path) as image, path.open("rb") as content:
        mode = image.mode
        oddities = _oddities(image)
        upright = plain(image)
        return Inspection(
            width=upright.width,
            height=upright.height,
            mode=mode,
            oddities=oddities,
            bytes_digest=hashlib.file_digest(content, "sha256").hexdigest(),
            pixels_digest=_digest(upright),
        )


def inspect_array(pixels: NDArray[np.uint8]) -> Inspection:
    """Describe an image (height, width, 1 or 3) of an array."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    return Inspection(
        width=image.width,
        height=image.height,
        mode=image.mode,
        oddities=(),
        bytes_digest="",
        pixels_digest=_digest(image),
    )


def _digest(image: Image.Image) -> str:
    return hashlib.sha256(f"{image.mode}{image.size}".encode() + image.tobytes()).hexdigest()


def _oddities(image: Image.Image) -> tuple[str, ...]:
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    found = {
        "of several frames: the first counts": getattr(image, "n_frames", 1) > 1,
        "rotated by the camera (EXIF): taken upright": orientation in range(2, 9),
        "transparent: laid on white": image.has_transparency_data,
        "CMYK: converted to RGB": image.mode == "CMYK",
        "of a palette: converted to RGB": image.mode in ("P", "PA"),
        "more than 8 bits: scaled to 8": image.mode in ("I", "F") or image.mode.startswith("I;"),
    }
    return tuple(oddity for oddity, holds in found.items() if holds)
