"""The file formats in which MNIST, Fashion-MNIST and CIFAR are published.

IDX is described on the MNIST page; CIFAR's binary version, chosen because its other one is a
Python pickle that could run code, on https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from objectives.data.sources.arrays import ImageArrays
from spaces.errors import DataError

CIFAR_PIXELS = 32 * 32 * 3
MOST_BYTES = 1_000_000_000
"""No published file here unpacks to more; what does is damaged or hostile."""


def read_idx(folder: Path, *, classes: tuple[str, ...]) -> ImageArrays:
    """Return the images of the four `.gz` files of the MNIST family.

    Raises:
        DataError: a file is damaged, or images and labels differ in number.
    """
    return ImageArrays(
        classes=classes,
        images=_idx_images(folder / "train-images-idx3-ubyte.gz"),
        labels=_idx_labels(folder / "train-labels-idx1-ubyte.gz"),
        test=(_idx_images(folder / "t10k-images-idx3-ubyte.gz"), _idx_labels(folder / "t10k-labels-idx1-ubyte.gz")),
    )


def read_cifar(archive: Path, *, train: Sequence[str], test: str, names: str, label_bytes: int) -> ImageArrays:
    """Return the images of a `cifar-*-binary.tar.gz`; nothing is unpacked on disk.

    Args:
        archive: The published file.
        train: Members that hold training images.
        test: The member that holds test images.
        names: The member that lists the classes, one a line.
        label_bytes: Bytes before the pixels of an image; the last is its label.

    Raises:
        DataError: the archive is damaged, or lacks a member.
    """
    try:
        with tarfile.open(archive) as tar:
            members = {Path(member.name).name: member for member in tar if member.isreg()}
            content = {name: _member(tar, members[name]) for name in (*train, test, names)}
    except (OSError, EOFError, KeyError, zlib.error, tarfile.TarError) as error:
        raise DataError(f"{archive} is damaged: {error}; delete it, and it is fetched again") from error
    images, labels = _cifar_records(archive, b"".join(content[name] for name in train), label_bytes)
    return ImageArrays(
        classes=tuple(content[names].decode().split()),
        images=images,
        labels=labels,
        test=_cifar_records(archive, content[test], label_bytes),
    )


def _member(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    if member.size > MOST_BYTES:
        raise tarfile.TarError(f"{member.name} claims {member.size} bytes")
    content = tar.extractfile(member)
    return b"" if content is None else content.read()


def _cifar_records(archive: Path, content: bytes, label_bytes: int) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    record_bytes = label_bytes + CIFAR_PIXELS
    if not content or len(content) % record_bytes:
        raise DataError(f"{archive} is damaged: {len(content)} bytes are not a whole number of images")
    records = np.frombuffer(content, np.uint8).reshape(-1, record_bytes)
    pixels = records[:, label_bytes:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(pixels), records[:, label_bytes - 1].astype(np.int32)


def _idx_images(path: Path) -> NDArray[np.uint8]:
    return _idx(path, dimensions=3)[..., None]


def _idx_labels(path: Path) -> NDArray[np.int32]:
    return _idx(path, dimensions=1).astype(np.int32)


def _idx(path: Path, *, dimensions: int) -> NDArray[np.uint8]:
    try:
        with gzip.open(path) as file:
            content = file.read(MOST_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is damaged: {error}") from error
    header_bytes = 4 + 4 * dimensions
    shape = tuple(int(size) for size in np.frombuffer(content[4:header_bytes], ">u4"))
    if content[:4] != bytes([0, 0, 8, dimensions]) or len(content) != header_bytes + int(np.prod(shape)):
        raise DataError(f"{path} is damaged: not an IDX file of {dimensions} dimensions")
    return np.frombuffer(content, np.uint8, offset=header_bytes).reshape(shape)
