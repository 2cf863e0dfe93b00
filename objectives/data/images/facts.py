"""What is recorded of each decoded image: its values as stored, and two digests to find its copies by."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from objectives.data.images.decoding import PlainImage
from objectives.data.images.ranges import PixelValues

PLAIN_BITS = 4
"""Fewer set or clear bits of a perceptual hash are a blank image or a plain gradient, of which all look alike."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageFacts:
    """One image."""

    storage: str
    low: float
    high: float
    """Smallest and largest value as stored; see `objectives.data.images.ranges`."""
    digest: bytes
    """Equal for images with the same size and pixels."""
    look: int | None = None
    """A perceptual hash of 64 bits: few of them differ between copies that were resized or encoded again.
    None: too plain to tell, or of an array, whose images have one size and no encoding."""


def facts_of(image: PlainImage) -> ImageFacts:
    """Return the facts of a decoded file."""
    from imagehash import dhash  # takes a moment to import

    bits = dhash(image.pixels).hash
    return ImageFacts(
        storage=image.storage,
        low=image.low,
        high=image.high,
        digest=_digest(image.pixels),
        look=int.from_bytes(np.packbits(bits).tobytes())
        if PLAIN_BITS <= bits.sum() <= bits.size - PLAIN_BITS
        else None,
    )


def pixel_digests(images: NDArray[np.uint8]) -> list[bytes]:
    """Return a digest for each image (n, height, width, channels)."""
    return [hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16).digest() for image in images]


def values_of(facts: Sequence[ImageFacts], parts: Sequence[str]) -> PixelValues:
    """Return the stored values of images with their parts."""
    return PixelValues(
        storage=[fact.storage for fact in facts],
        part=parts,
        low=np.array([fact.low for fact in facts]),
        high=np.array([fact.high for fact in facts]),
    )


def _digest(image: Image.Image) -> bytes:
    mode, content = image.mode, image.tobytes()
    if mode == "RGB" and content[::3] == content[1::3] == content[2::3]:
        mode, content = "L", content[::3]  # as it becomes where all images are grey
    return hashlib.blake2b(f"{mode}{image.size}".encode() + content, digest_size=16).digest()
