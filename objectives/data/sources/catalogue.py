"""Named datasets: their files, the places of copies, and where they are published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from objectives.data.directories import DataDirectories
from objectives.data.sources.arrays import ImageArrays, read_npz
from objectives.data.sources.download import RemoteFile, fetch
from objectives.data.sources.published import read_cifar, read_idx
from spaces.errors import DataError
from spaces.recipe import ImageShape

DIGITS = "digits"
"""Bundled with scikit-learn, so always available."""

KERAS_FILES = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
CIFAR_FILES = "https://www.cs.toronto.edu/~kriz/"

FASHION_CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Published:
    """A dataset that can be downloaded."""

    name: str
    files: tuple[RemoteFile, ...]
    folder: str
    """What Keras and Debian call the folder of these files."""
    read: Callable[[Path], ImageArrays]
    """From the folder that holds the files."""
    images: ImageShape
    classes: int = 10

    def places(self, directories: DataDirectories) -> list[Path]:
        """Folders where the published files may lie, first choice first."""
        within = [place / part for place in (directories.data, *directories.elsewhere) for part in ("", self.folder)]
        return [directories.data / self.name, *within, directories.downloads / self.name]

    def copy(self, directories: DataDirectories) -> Path | None:
        """The first folder that holds all the files, if there is one."""
        for place in self.places(directories):
            if all((place / file.name).is_file() for file in self.files):
                return place
        return None

    def download(self, directories: DataDirectories, *, fetch: Callable[[RemoteFile, Path], Path] = fetch) -> Path:
        """Fetch the files; return the folder that holds them.

        Raises:
            DataError: no copy and no download; the message names the places and what to do.
        """
        target = directories.downloads / self.name
        try:
            for file in self.files:
                fetch(file, target)
        except DataError as error:
            names = ", ".join(file.name for file in self.files)
            looked = directories.data
            raise DataError(
                f"no copy of '{self.name}' was found, and it cannot be downloaded\n"
                f"{error}\n"
                f"Looked in: {looked}" + "".join(f", {place}" for place in directories.elsewhere) + "\n"
                f"Put there: {looked / self.name}/train/<class>/... (and test/<class>/...), {looked / self.name}.npz,\n"
                f"or {names}. TAMIZ_DATA names another folder.\n"
                f"Without any download: --data {DIGITS}"
            ) from error
        return target


def _read_mnist(folder: Path) -> ImageArrays:
    return read_npz(folder / "mnist.npz")


def _read_cifar10(folder: Path) -> ImageArrays:
    return read_cifar(
        folder / "cifar-10-binary.tar.gz",
        train=[f"data_batch_{number}.bin" for number in range(1, 6)],
        test="test_batch.bin",
        names="batches.meta.txt",
        label_bytes=1,
    )


def _read_cifar100(folder: Path) -> ImageArrays:
    return read_cifar(
        folder / "cifar-100-binary.tar.gz",
        train=["train.bin"],
        test="test.bin",
        names="fine_label_names.txt",
        label_bytes=2,  # the coarse label, then the fine one
    )


def _fashion_file(name: str, *, sha256: str) -> RemoteFile:
    return RemoteFile(url=KERAS_FILES + name, sha256=sha256, most_bytes=30_000_000)


PUBLISHED: tuple[Published, ...] = (
    Published(
        name="cifar10",
        images=ImageShape(height=32, width=32, channels=3),
        folder="cifar-10-binary",
        read=_read_cifar10,
        files=(
            RemoteFile(
                url=CIFAR_FILES + "cifar-10-binary.tar.gz",
                sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
                most_bytes=170_052_171,
            ),
        ),
    ),
    Published(
        name="cifar100",
        images=ImageShape(height=32, width=32, channels=3),
        classes=100,
        folder="cifar-100-binary",
        read=_read_cifar100,
        files=(
            RemoteFile(
                url=CIFAR_FILES + "cifar-100-binary.tar.gz",
                sha256="58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
                most_bytes=168_513_733,
            ),
        ),
    ),
    Published(
        name="fashion_mnist",
        images=ImageShape(height=28, width=28, channels=1),
        folder="fashion-mnist",
        read=partial(read_idx, classes=FASHION_CLASSES),
        files=(
            _fashion_file(
                "train-images-idx3-ubyte.gz",
                sha256="3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            _fashion_file(
                "train-labels-idx1-ubyte.gz",
                sha256="a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
            _fashion_file(
                "t10k-images-idx3-ubyte.gz",
                sha256="346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            _fashion_file(
                "t10k-labels-idx1-ubyte.gz",
                sha256="67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ),
    ),
    Published(
        name="mnist",
        images=ImageShape(height=28, width=28, channels=1),
        folder="mnist",
        read=_read_mnist,
        files=(
            RemoteFile(
                url=KERAS_FILES + "mnist.npz",
                sha256="731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
                most_bytes=12_000_000,
            ),
        ),
    ),
)
NAMES = tuple(sorted((DIGITS, *(dataset.name for dataset in PUBLISHED))))


def known_shape(name: str | None) -> tuple[ImageShape, int] | None:
    """Return the images and the number of classes of a dataset that has a name, without reading it; else None."""
    if name == DIGITS:
        return ImageShape(height=8, width=8, channels=1), 10
    return next(((dataset.images, dataset.classes) for dataset in PUBLISHED if dataset.name == name), None)
