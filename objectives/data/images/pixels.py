"""All images of a dataset into `.npy` files, in parallel and never all in memory."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from objectives.data.images.decoding import Resize, UnreadableImageError, fitted, opened, plain, reduce
from objectives.data.images.facts import ImageFacts, facts_of
from objectives.data.images.ranges import PixelRanges

Progress = Callable[[int, int], None]
"""Called with the images done and all there are."""
Advance = Callable[[int], None]
"""Called with the images done."""

CHUNK = 1024
"""Images copied at a time."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Decoded:
    """The result for some files."""

    facts: Mapping[int, ImageFacts]
    """By position: of the files that were images. Their pixels are the rows of the `.npy` at these positions."""
    problems: Mapping[int, str]
    """By position: why a file is not an image."""
    grey: bool
    """Whether no image has colours."""


def decode_files(
    paths: Sequence[Path],
    target: Path,
    *,
    height: int,
    width: int,
    resize: Resize,
    ranges: PixelRanges,
    advance: Advance,
) -> Decoded:
    """Decode image files into an `.npy` of uint8 (files, height, width, 3).

    Pillow releases the interpreter's lock while it decodes, so threads use all cores. The rows of
    files that are not images stay black.

    Raises:
        OSError: no room for `target`.
    """
    facts: dict[int, ImageFacts] = {}
    problems: dict[int, str] = {}
    coloured = False
    with _rows(target, (len(paths), height, width, 3)) as write:

        def decode(position: int) -> tuple[ImageFacts | str, bool]:
            try:
                with opened(paths[position]) as file:
                    reduce(file, height=height, width=width)
                    image = plain(file, ranges)
                    small = fitted(image.pixels, height=height, width=width, resize=resize)
                    found = facts_of(image)
            except UnreadableImageError as error:
                return str(error), False
            write(position, small.convert("RGB").tobytes())
            return found, small.mode != "L"

        with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as threads:
            warnings.filterwarnings("ignore", module="PIL")  # such as "corrupt EXIF data": the pixels decide
            for position, (found, colours) in enumerate(threads.map(decode, range(len(paths)))):
                coloured |= colours
                if isinstance(found, str):
                    problems[position] = found
                else:
                    facts[position] = found
                done = position + 1
                if done % 100 == 0 or done == len(paths):
                    advance(done)
    return Decoded(facts=facts, problems=problems, grey=not coloured)


def copy_rows(source: Path, target: Path, rows: NDArray[np.int64], *, channels: int) -> None:
    """Copy some rows of an `.npy` of images to another; of a colour image one channel or all three."""
    images = np.load(source, mmap_mode="r")
    with _rows(target, (len(rows), *images.shape[1:3], channels)) as write:
        for start in range(0, len(rows), CHUNK):
            write(start, images[rows[start : start + CHUNK], :, :, :channels].tobytes())


def resized(images: NDArray[np.uint8], *, height: int, width: int, resize: Resize) -> NDArray[np.uint8]:
    """Return images (n, height, width, channels) at another size."""
    if images.shape[1:3] == (height, width):
        return images
    channels = images.shape[-1]
    result = np.empty((len(images), height, width, channels), np.uint8)
    for row, pixels in zip(result, images, strict=True):
        image = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
        row[...] = np.asarray(fitted(image, height=height, width=width, resize=resize)).reshape(row.shape)
    return result


@contextmanager
def _rows(target: Path, shape: tuple[int, ...]) -> Iterator[Callable[[int, bytes], None]]:
    """Write rows of a uint8 `.npy` in any order, from any thread.

    Not through a memory map: on a full disk that would end the process instead of raising.
    """
    row_bytes = int(np.prod(shape[1:]))
    with target.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        file.flush()
        start = file.tell()
        os.truncate(file.fileno(), start + shape[0] * row_bytes)

        def write(row: int, content: bytes) -> None:
            os.pwrite(file.fileno(), content, start + row * row_bytes)

        yield write
        os.fsync(file.fileno())
