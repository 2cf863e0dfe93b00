"""The formats of MNIST and CIFAR, and what a damaged file leads to."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path

import pytest

from objectives.data.sources.catalogue import PUBLISHED, known_shape
from objectives.data.sources.published import read_idx
from spaces.errors import DataError
from spaces.recipe import ImageShape
from tests.needs import not_here
from tests.objectives.data.published_files import write_cifar10, write_idx

CLASSES = tuple("abcdefghij")
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
read_cifar10 = next(published.read for published in PUBLISHED if published.name == "cifar10")


def test_idx_holds_images_and_labels(tmp_path: Path) -> None:
    arrays = read_idx(write_idx(tmp_path), classes=CLASSES)

    assert (arrays.images.shape, arrays.labels[:11].tolist()) == ((40, 4, 5, 1), [*range(10), 0])


def test_idx_holds_a_test_part(tmp_path: Path) -> None:
    arrays = read_idx(write_idx(tmp_path), classes=CLASSES)

    assert arrays.test is not None
    assert arrays.test[0].shape == (10, 4, 5, 1)


def test_the_first_garment_is_an_ankle_boot_of_the_shape_that_is_known() -> None:
    if not DEBIAN.is_dir():
        not_here("Fashion-MNIST", debian_package="dataset-fashion-mnist")
    arrays = next(published for published in PUBLISHED if published.name == "fashion_mnist").read(DEBIAN)

    assert (arrays.classes[arrays.labels[0]], arrays.images.shape) == ("Ankle boot", (60000, 28, 28, 1))
    assert known_shape("fashion_mnist") == (ImageShape(height=28, width=28, channels=1), 10)


DAMAGE = {
    "cut": lambda content: content[:-30],
    "no gzip": lambda content: b"hello",
    "another type": lambda content: gzip.compress(b"\0\0\x0d\x03" + gzip.decompress(content)[4:]),
    "images missing": lambda content: gzip.compress(gzip.decompress(content)[:-1]),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_idx_file_is_named(tmp_path: Path, damage) -> None:  # type: ignore[no-untyped-def]
    path = write_idx(tmp_path) / "train-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(DataError, match="train-images-idx3-ubyte.gz is damaged"):
        read_idx(tmp_path, classes=CLASSES)


def test_cifar_has_red_first(tmp_path: Path) -> None:
    arrays = read_cifar10(write_cifar10(tmp_path / "cifar-10-binary.tar.gz").parent)

    assert (arrays.images.shape, arrays.images[7, 3, 4].tolist()) == ((100, 32, 32, 3), [7, 100, 200])


def test_cifar_names_its_classes(tmp_path: Path) -> None:
    arrays = read_cifar10(write_cifar10(tmp_path / "cifar-10-binary.tar.gz").parent)

    assert [arrays.classes[label] for label in arrays.labels[:2]] == ["airplane", "automobile"]


def test_a_cut_archive_is_damaged(tmp_path: Path) -> None:
    path = write_cifar10(tmp_path / "cifar-10-binary.tar.gz")
    path.write_bytes(path.read_bytes()[:200])

    with pytest.raises(DataError, match="is damaged"):
        read_cifar10(tmp_path)


def test_an_archive_without_the_images_is_damaged(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "cifar-10-binary.tar.gz", "w:gz"):
        pass

    with pytest.raises(DataError, match="data_batch_1.bin"):
        read_cifar10(tmp_path)
