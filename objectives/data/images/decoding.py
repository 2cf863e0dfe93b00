"""One image file to pixels, the same way for training and for prediction.

Every mode becomes 8-bit grey or colour: transparency is laid on white, wider values are scaled
from the dataset's pixel range, CMYK and palettes are converted, the camera's rotation (EXIF) is
applied, and of an animation the first frame counts.
"""

from __future__ import annotations

import contextlib
import struct
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from objectives.data.images.ranges import FULL, PixelRanges, scaled
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
"""Only two large images are decoded at a time, in however many threads: each may take 500 MB."""

Image.MAX_IMAGE_PIXELS = MOST_PIXELS
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


class UnreadableImageError(DataError):
    """A file that is not a readable image; the text is the problem, without the file's name."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PlainImage:
    """An image as 8-bit grey or colour, with the values that it was made of."""

    pixels: Image.Image
    """Of mode "L" or "RGB", upright."""
    storage: str
    """See `objectives.data.images.ranges.PixelRanges`."""
    low: float
    high: float
    """The smallest and largest value as stored."""


def read_image(
    path: Path, *, height: int, width: int, resize: Resize = "stretch", ranges: PixelRanges = FULL
) -> Image.Image:
    """Return the image in a file, of mode "L" (grey) or "RGB" and of the given size in pixels.

    Args:
        path: The file.
        height: In pixels.
        width: In pixels.
        resize: How another size becomes this one.
        ranges: The values that are black and white; a storage that is missing has its full range.

    Raises:
        UnreadableImageError: not an image, a damaged one, or one of more than 50 megapixels.
    """
    with opened(path) as image:
        reduce(image, height=height, width=width)
        return fitted(plain(image, ranges).pixels, height=height, width=width, resize=resize)


def reduce(image: Image.Image, *, height: int, width: int) -> None:
    """Let a JPEG much larger than needed be decoded at a half, a quarter or an eighth."""
    image.draft(None, (2 * max(height, width), 2 * max(height, width)))


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


def plain(image: Image.Image, ranges: PixelRanges = FULL) -> PlainImage:
    """Decode an opened image."""
    with _large_images if image.width * image.height > LARGE_PIXELS else contextlib.nullcontext():
        image.load()
        return _converted(image, ranges)


def storage_of(image: Image.Image) -> str:
    """How an image stores its pixel values, as a key of `PixelRanges`."""
    match image.mode:
        case "1":
            return "1 bit"
        case "F":
            return "floats"
        case "I":
            return "32 bits"
        case mode:
            return "16 bits" if mode.startswith("I;") else "8 bits"


def _converted(image: Image.Image, ranges: PixelRanges) -> PlainImage:
    with contextlib.suppress(Exception):  # a damaged EXIF block does not matter to the pixels
        image = ImageOps.exif_transpose(image)
    storage = storage_of(image)
    used = ranges.get(storage, FULL[storage])
    if storage not in ("1 bit", "8 bits"):
        values = np.asarray(image, dtype=np.float32)
        if not np.isfinite(values).all():
            raise UnreadableImageError("pixels that are not finite numbers")
        return PlainImage(
            pixels=Image.fromarray(scaled(values, used)),
            storage=storage,
            low=float(values.min()),
            high=float(values.max()),
        )
    colours = "L" if is_grey(image) else "RGB"
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    image = image.convert(colours)
    extremes = np.array(image.getextrema())
    if storage == "1 bit":
        extremes = extremes // 255
    elif used != FULL[storage]:
        image = Image.fromarray(scaled(np.asarray(image), used))
    return PlainImage(pixels=image, storage=storage, low=float(extremes.min()), high=float(extremes.max()))


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


def _problem(error: Exception) -> str:
    match error:
        case FileNotFoundError():
            return "no such file"
        case UnidentifiedImageError():
            return "not an image of a known format"
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
