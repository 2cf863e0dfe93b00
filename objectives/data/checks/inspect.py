"""One image file looked at closely: its size, its mode and what is unusual about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import ExifTags, Image

from objectives.data.images.decoding import opened, plain, reduce
from objectives.data.images.facts import ImageFacts, facts_of
from objectives.data.images.ranges import PixelRanges


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What a readable image is."""

    width: int
    height: int
    """Both in pixels, upright."""
    mode: str
    """Pillow's name for how pixels are stored: "RGB", "L", "P", "CMYK", "I;16" ..."""
    oddities: tuple[str, ...]
    """How it differs from what it becomes: "of several frames: the first counts" ..."""
    facts: ImageFacts


def inspect_file(path: Path, ranges: PixelRanges, *, size: int) -> Inspection:
    """Decode an image file, as a search with images of `size` pixels does, and describe it.

    Raises:
        UnreadableImageError: not an image, a damaged one, or one of more than 50 megapixels.
    """
    with opened(path) as image:
        turned = _orientation(image) in range(5, 9)
        width, height = reversed(image.size) if turned else image.size
        mode, oddities = image.mode, _oddities(image)
        reduce(image, height=size, width=size)
        facts = facts_of(plain(image, ranges))
    return Inspection(width=width, height=height, mode=mode, oddities=oddities, facts=facts)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # a damaged EXIF block does not matter to the pixels
        return 1


def _oddities(image: Image.Image) -> tuple[str, ...]:
    found = {
        "of several frames: the first counts": getattr(image, "n_frames", 1) > 1,
        "rotated by the camera (EXIF): taken upright": _orientation(image) in range(2, 9),
        "transparent: laid on white": image.has_transparency_data,
        "CMYK: converted to RGB": image.mode == "CMYK",
        "of a palette: converted to RGB": image.mode in ("P", "PA"),
        "more than 8 bits: scaled to 8": image.mode in ("I", "F") or image.mode.startswith("I;"),
    }
    return tuple(oddity for oddity, holds in found.items() if holds)
