"""From a name or path to the data it refers to, or to an error that helps."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from objectives.data.directories import DataDirectories
from objectives.data.sources.finding import ArraySource, FileSource, find
from spaces.errors import DataError, UnknownNameError
from tests.objectives.data.pictures import directories, fill
from tests.objectives.data.published_files import write_cifar10, write_idx


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every download fails at once: nothing listens at the proxy."""
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")


def folder_found(reference: str, at: DataDirectories) -> Path:
    source = find(reference, at)
    assert isinstance(source, ArraySource)
    return source.files[0].parent


def test_a_named_dataset_may_be_a_folder_of_images(tmp_path: Path) -> None:
    fill(tmp_path / "data" / "cifar10", {"train/cat": 1, "train/dog": 1})
    source = find("cifar10", directories(tmp_path))

    assert (isinstance(source, FileSource) and source.native, source.name) == (True, "cifar10")


def test_a_named_dataset_may_be_an_npz(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    np.savez(tmp_path / "data" / "cifar10.npz", x_train=np.zeros((1, 1, 1)), y_train=np.zeros(1))

    assert folder_found("cifar10", directories(tmp_path)) == tmp_path / "data"


@pytest.mark.parametrize("place", ["data", "data/fashion_mnist", "data/fashion-mnist", "cache/downloads/fashion_mnist"])
def test_published_files_are_found(tmp_path: Path, place: str) -> None:
    write_idx(tmp_path / place)

    assert folder_found("fashion_mnist", directories(tmp_path)) == tmp_path / place


def test_published_files_are_found_where_systems_and_keras_keep_them(tmp_path: Path) -> None:
    write_idx(tmp_path / "system" / "fashion-mnist")
    at = DataDirectories(data=tmp_path / "data", cache=tmp_path, elsewhere=(tmp_path / "keras", tmp_path / "system"))

    assert folder_found("fashion_mnist", at) == tmp_path / "system" / "fashion-mnist"


def test_a_copy_of_one_s_own_comes_first(tmp_path: Path) -> None:
    write_cifar10(tmp_path / "cache" / "downloads" / "cifar10" / "cifar-10-binary.tar.gz")
    fill(tmp_path / "data" / "cifar10", {"train/cat": 1, "train/dog": 1})

    assert isinstance(find("cifar10", directories(tmp_path)), FileSource)


def test_anything_in_the_data_directory_has_a_name(tmp_path: Path) -> None:
    fill(tmp_path / "data" / "pets", {"cat": 1, "dog": 1})

    assert find("pets", directories(tmp_path)).name == "pets"


@pytest.mark.usefixtures("unreachable")
@pytest.mark.parametrize("name", ["cifar10", "cifar100", "mnist", "fashion_mnist"])
def test_without_copy_and_network_the_error_says_what_to_do(tmp_path: Path, name: str) -> None:
    started = time.monotonic()
    with pytest.raises(DataError) as caught:
        find(name, directories(tmp_path))

    text = str(caught.value)
    assert [
        f"no copy of '{name}'" in text,
        f"Looked in: {tmp_path / 'data'}" in text,
        f"Put there: {tmp_path / 'data' / name}/train/<class>/" in text,
        "--data digits" in text,
        len(text.splitlines()) <= 6,
        time.monotonic() - started < 5,
    ] == [True] * 6


def test_a_near_miss_of_a_name_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        UnknownNameError, match=r"unknown data 'cifr10'. Did you mean 'cifar10'\?\nData: cifar10, "
    ) as it:
        find("cifr10", directories(tmp_path))

    assert str(it.value).endswith("Your own: a folder or an .npz file")


@pytest.mark.parametrize("reference", ["", "a\0b", "..x", "~no_such_person", "x" * 5000])
def test_odd_references_are_unknown_names(tmp_path: Path, reference: str) -> None:
    with pytest.raises(UnknownNameError):
        find(reference, directories(tmp_path))


def test_a_missing_path_named_like_a_dataset_points_to_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder: images/cifr10. Did you mean the dataset 'cifar10'"):
        find("images/cifr10", directories(tmp_path))


@pytest.mark.parametrize("reference", ["images/pets", "pets.npz", "pets.csv"])
def test_a_missing_path_is_told(tmp_path: Path, reference: str) -> None:
    with pytest.raises(DataError, match=f"no such file or folder: {reference}"):
        find(reference, directories(tmp_path))


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pets.zip").write_bytes(b"x")

    with pytest.raises(DataError, match=r"pets.zip is a .zip file; expected a folder of images, an .npz file, or a"):
        find(str(tmp_path / "pets.zip"), directories(tmp_path))


def test_the_environment_names_the_directories(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAMIZ_DATA", "/some/data")
    monkeypatch.setenv("TAMIZ_CACHE", "/some/cache")
    at = DataDirectories.from_environment()

    assert (at.data, at.cache) == (Path("/some/data"), Path("/some/cache"))
