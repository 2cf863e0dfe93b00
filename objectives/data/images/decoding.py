"""One image file to pixels, the same way for training and for prediction.

Every mode becomes 8-bit grey or colour: transparency is laid on white, 16 bits and floats are
scaled, CMYK and palettes are converted, the camera's rotation (EXIF) is applied, and of an
animation the first frame counts.
"""

from __future__ import annotations

import contextlib
import struct
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from spaces.errors import DataError

Resize = Literal["stretch", "crop", "pad"]
"""How an image gets its size: stretched to it, its centre cropped, or black bars added."""
RESIZES: tuple[Resize, ...] = get_args(Resize)

MOST_PIXELS = 50_000_000
LARGE_PIXELS = 5_000_000
MOST_FILE_BYTES = 256 * 1024 * 1024

Image.init()
# Only formats that Pillow decodes itself: PostScript, for one, would start another program.
FORMATS = tuple(
    name
    for name in (
        "AVIF", "BMP", "DIB", "GIF", "ICO", "JPEG", "JPEG2000", "PCX", "PNG", "PPM", "QOI", "TGA", "TIFF", "WEBP",
    )
    if name in Image.OPEN
)  # fmt: skip
EXTENSIONS = frozenset(extension for extension, kind in Image.EXTENSION.items() if kind in FORMATS)

_large_images = threading.BoundedSemaphore(2)
"""So many large images are decoded at a time, however many threads there are: each may take 500 MB."""

Image.MAX_IMAGE_PIXELS = MOST_PIXELS
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


class UnreadableImageError(DataError):
    """A file that is no readable image; its text is the problem, without the file's name."""


def read_image(path: Path, *, height: int, width: int, resize: Resize = "stretch") -> Image.Image:
    """Return the image in a file, of mode "L" (grey) or "RGB" and of the given size in pixels.

    Raises:
        UnreadableImageError: no image, a damaged one, or one of more than 50 megapixels.
    """
    with opened(path) as image:
        # A JPEG much larger than needed is decoded at a half, a quarter or an eighth.
        image.draft(None, (2 * max(height, width), 2 * max(height, width)))
        return fitted(plain(image), height=height, width=width, resize=resize)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """Open an image file: its header is read and checked, its pixels are not decoded yet.

    Raises:
        UnreadableImageError: here, or whatever goes wrong while the image is used.
    """
    try:
        _check_bytes(path)
        with Image.open(path, formats=FORMATS) as image:
            _check_pixels(image)
            yield image
    except UnreadableImageError:
        raise
    except Exception as error:  # a damaged file may raise anything inside a decoder
        raise UnreadableImageError(_problem(error)) from error


def plain(image: Image.Image) -> Image.Image:
    """Return an opened image, decoded and upright, as mode "L" or "RGB"."""
    with _large_images if image.width * image.height > LARGE_PIXELS else contextlib.nullcontext():
        image.load()
        return _converted(image)


def _converted(image: Image.Image) -> Image.Image:
    with contextlib.suppress(Exception):  # a damaged EXIF block says nothing about the pixels
        image = ImageOps.exif_transpose(image)
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        return _scaled(image)
    colours = "L" if is_grey(image) else "RGB"
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return image.convert(colours)


def is_grey(image: Image.Image) -> bool:
    """Whether the mode of an image has no colours."""
    return image.mode in ("1", "L", "LA", "La", "I", "F") or image.mode.startswith("I;")


def fitted(image: Image.Image, *, height: int, width: int, resize: Resize) -> Image.Image:
    """Return a plain image at a size in pixels."""
    size = (width, height)
    if image.size == size:
        return image
    filter_ = Image.Resampling.BILINEAR
    match resize:
        case "stretch":
            return image.resize(size, filter_)
        case "crop":
            return ImageOps.fit(image, size, filter_)
        case "pad":
            return ImageOps.pad(image, size, filter_, color=0)


def _check_bytes(path: Path) -> None:
    size = path.stat().st_size
    if not size:
        raise UnreadableImageError("empty: zero bytes")
    if size > MOST_FILE_BYTES:
        raise UnreadableImageError(f"{size / 1e6:.0f} MB; at most {MOST_FILE_BYTES / 1e6:.0f} MB are read")


def _check_pixels(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise UnreadableImageError(f"{width}x{height} pixels; at most {MOST_PIXELS / 1e6:.0f} megapixels are decoded")


def _scaled(image: Image.Image) -> Image.Image:
    """8-bit grey from wider numbers: 0 is black, and white is 1, 255, 65535 or the largest that occurs."""
    values = np.asarray(image, dtype=np.float32)
    if not np.isfinite(values).all():
        raise UnreadableImageError("pixels that are not finite numbers")
    highest = float(values.max())
    white = 65535.0
    if image.mode == "F":
        white = next((level for level in (1.0, 255.0, 65535.0) if highest <= level), highest)
    white = max(white, highest)
    return Image.fromarray(np.rint(np.clip(values, 0, None) * (255 / white)).astype(np.uint8))


def _problem(error: Exception) -> str:
    match error:
        case FileNotFoundError():
            return "no such file"
        case UnidentifiedImageError():
            return "no image of a known format"
        case Image.DecompressionBombError() | Image.DecompressionBombWarning():
            return f"claims more than {MOST_PIXELS / 1e6:.0f} megapixels"
        case OSError() if "truncated" in str(error).lower():
            return f"truncated: {error}"
        case OSError() if error.strerror:
            return error.strerror
        case struct.error() | SyntaxError() | OSError() | ValueError():
            return f"damaged: {error}"
        case _:
            return f"damaged: {type(error).__name__} {error}"
