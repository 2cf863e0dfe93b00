"""Small image files and folders of them, made for tests."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from objectives.data.directories import DataDirectories


def picture(seed: int, *, mode: str = "RGB", width: int = 12, height: int = 10) -> Image.Image:
    """Return an image of random pixels, the same for the same seed."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise).convert(mode)


def save(path: Path, seed: int = 0, *, mode: str = "RGB", width: int = 12, height: int = 10) -> Path:
    """Write a random image, with the folders it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(seed, mode=mode, width=width, height=height).save(path)
    return path


def fill(root: Path, counts: dict[str, int], *, seed: int = 0, ending: str = ".png", mode: str = "RGB") -> Path:
    """Write so many different images into each folder ("train/cat") below `root`."""
    for place, (folder, count) in enumerate(counts.items()):
        (root / folder).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            save(root / folder / f"{number}{ending}", seed + 1000 * place + number, mode=mode)
    return root


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def directories(tmp_path: Path) -> DataDirectories:
    """Empty directories that belong to one test."""
    return DataDirectories(data=tmp_path / "data", cache=tmp_path / "cache")
