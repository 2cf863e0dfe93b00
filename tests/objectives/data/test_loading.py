"""`load`: from any source to one kind of dataset, decoded once."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from objectives.data.loading import load
from objectives.data.records import Dataset
from spaces.errors import DataError, StorageError, UnknownNameError, UsageError
from tests.objectives.data.pictures import directories, fill, picture, save
from tests.objectives.data.published_files import write_cifar10, write_idx


def loaded(root: Path, **options: object) -> Dataset:
    """Load a folder with caches of its own."""
    return load(str(root), directories=directories(root.parent), **options)  # type: ignore[arg-type]


def test_digits_give_up_a_fifth_for_testing(tmp_path: Path) -> None:
    digits = load("digits", directories=directories(tmp_path))

    assert (digits.images.shape, digits.test_images.shape) == ((1437, 8, 8, 1), (360, 8, 8, 1))


def test_digits_need_no_place_to_write(tmp_path: Path) -> None:
    load("digits", directories=directories(tmp_path))

    assert list(tmp_path.iterdir()) == []


def test_digits_may_have_another_size(tmp_path: Path) -> None:
    assert load("digits", directories=directories(tmp_path), image_size=16).images.shape == (1437, 16, 16, 1)


def test_fashion_mnist_is_read_from_its_files(tmp_path: Path) -> None:
    write_idx(tmp_path / "data" / "fashion-mnist")
    dataset = load("fashion_mnist", directories=directories(tmp_path))

    assert (dataset.images.shape, dataset.test_images.shape, dataset.classes[9]) == (
        (40, 4, 5, 1),
        (10, 4, 5, 1),
        "Ankle boot",
    )


def test_cifar10_is_read_from_its_archive(tmp_path: Path) -> None:
    write_cifar10(tmp_path / "data" / "cifar-10-binary.tar.gz")

    assert load("cifar10", directories=directories(tmp_path)).images.shape == (100, 32, 32, 3)


def test_an_npz_is_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", x_train=np.random.default_rng(0).random((10, 6, 7)), y_train=np.arange(10) % 2)
    dataset = loaded(tmp_path / "own.npz")

    assert (dataset.name, dataset.images.shape, dataset.test_images.shape) == ("own", (8, 6, 7, 1), (2, 6, 7, 1))


def test_an_npz_of_one_class_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", x_train=np.random.default_rng(0).random((10, 6, 7)), y_train=np.zeros(10))

    with pytest.raises(DataError, match="own has a single class"):
        loaded(tmp_path / "own.npz")


def test_a_csv_is_read(tmp_path: Path) -> None:
    fill(tmp_path, {"a": 4, "b": 4})
    lines = ["path,label", *(f"{folder}/{number}.png,{folder}" for folder in "ab" for number in range(4))]
    (tmp_path / "labels.csv").write_text("\n".join(lines))

    assert len(loaded(tmp_path / "labels.csv").images) == 6


def test_images_of_a_folder_are_64_pixels(tmp_path: Path) -> None:
    assert loaded(fill(tmp_path / "pets", {"cat": 5, "dog": 5})).images.shape == (8, 64, 64, 3)


def test_images_of_a_named_dataset_keep_their_size(tmp_path: Path) -> None:
    fill(tmp_path / "data" / "cifar10", {"train/cat": 2, "train/dog": 2, "test/cat": 1})
    dataset = load("cifar10", directories=directories(tmp_path))

    assert (dataset.images[0] == np.asarray(picture(0))).all()


def test_labels_are_positions_of_the_classes(tmp_path: Path) -> None:
    dataset = loaded(fill(tmp_path / "pets", {"train/10": 1, "train/9": 2, "test/10": 1}))

    assert (dataset.classes, dataset.labels.tolist(), dataset.test_labels.tolist()) == (("9", "10"), [0, 0, 1], [1])


def test_images_follow_their_labels(tmp_path: Path) -> None:
    fill(tmp_path / "pets", {"train/cat": 3, "train/dog": 3, "test/dog": 1})
    dataset = loaded(tmp_path / "pets", image_size=12, resize="crop")

    assert (dataset.images[4] == np.asarray(load_one(tmp_path / "pets/train/dog/1.png"))).all()


def load_one(path: Path) -> np.ndarray:
    from objectives.data.images.decoding import read_image

    return np.asarray(read_image(path, height=12, width=12, resize="crop"))


def test_a_validation_part_keeps_its_place(tmp_path: Path) -> None:
    dataset = loaded(
        fill(tmp_path / "pets", {"train/cat": 3, "train/dog": 3, "val/cat": 1, "val/dog": 1, "test/cat": 1})
    )

    assert dataset.given_validation is not None
    assert (dataset.given_validation.tolist(), dataset.labels[6:].tolist()) == ([6, 7], [0, 1])


def test_grey_images_have_one_channel(tmp_path: Path) -> None:
    assert loaded(fill(tmp_path / "pets", {"cat": 5, "dog": 5}, mode="L")).images.shape == (8, 64, 64, 1)


def test_one_colour_image_makes_all_three_channels(tmp_path: Path) -> None:
    fill(tmp_path / "pets", {"cat": 5, "dog": 5}, mode="L")
    save(tmp_path / "pets" / "cat" / "colour.png")

    assert loaded(tmp_path / "pets").shape.channels == 3


def test_a_bad_file_ends_it_and_is_named(tmp_path: Path) -> None:
    fill(tmp_path / "pets", {"cat": 5, "dog": 5})
    (tmp_path / "pets" / "cat" / "broken.jpg").write_bytes(b"")

    with pytest.raises(
        DataError,
        match=r"1 of 11 files are not readable images; --skip-bad leaves them out\n  cat/broken.jpg: empty: zero bytes",
    ):
        loaded(tmp_path / "pets")


def test_of_many_bad_files_three_are_named(tmp_path: Path) -> None:
    fill(tmp_path / "pets", {"cat": 5, "dog": 5})
    for number in range(9):
        (tmp_path / "pets" / "cat" / f"broken{number}.jpg").write_bytes(b"")

    with pytest.raises(DataError, match=r"and 6 more: python -m search data check"):
        loaded(tmp_path / "pets")


def test_a_bad_file_can_be_left_out(tmp_path: Path) -> None:
    fill(tmp_path / "pets", {"train/cat": 3, "train/dog": 3, "test/dog": 1})
    (tmp_path / "pets" / "train" / "cat" / "1.png").write_bytes(b"text")
    dataset = loaded(tmp_path / "pets", skip_bad=True)

    assert (dataset.labels.tolist(), [file.path for file in dataset.bad_files]) == (
        [0, 0, 1, 1, 1],
        ["train/cat/1.png"],
    )


def test_rows_after_a_bad_file_keep_their_labels(tmp_path: Path) -> None:
    fill(tmp_path / "pets", {"train/cat": 3, "train/dog": 3, "test/dog": 1})
    (tmp_path / "pets" / "train" / "cat" / "1.png").write_bytes(b"text")
    dataset = loaded(tmp_path / "pets", image_size=12, resize="crop", skip_bad=True)

    assert (dataset.images[2] == load_one(tmp_path / "pets/train/dog/0.png")).all()


def test_a_class_without_a_readable_image_is_an_error(tmp_path: Path) -> None:
    fill(tmp_path / "pets", {"train/cat": 1, "train/dog": 3, "test/dog": 1})
    (tmp_path / "pets" / "train" / "cat" / "0.png").write_bytes(b"")

    with pytest.raises(DataError, match="no readable training image in cat"):
        loaded(tmp_path / "pets", skip_bad=True)


def test_decoded_once(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    fill(tmp_path / "pets", {"cat": 5, "dog": 5})
    for _ in range(2):
        loaded(tmp_path / "pets", progress=lambda done, whole: calls.append((done, whole)))

    assert calls == [(10, 10)]


def test_images_are_memory_mapped(tmp_path: Path) -> None:
    assert isinstance(loaded(fill(tmp_path / "pets", {"cat": 5, "dog": 5})).images, np.memmap)


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    before = loaded(fill(tmp_path / "pets", {"cat": 5, "dog": 5})).fingerprint
    status = (tmp_path / "pets" / "cat" / "0.png").stat()
    save(tmp_path / "pets" / "cat" / "0.png", seed=77)
    os.utime(tmp_path / "pets" / "cat" / "0.png", ns=(status.st_atime_ns, status.st_mtime_ns))  # as some tools do

    assert loaded(tmp_path / "pets").fingerprint != before


def test_the_fingerprint_is_of_the_content_not_of_the_place(tmp_path: Path) -> None:
    here = loaded(fill(tmp_path / "pets", {"cat": 5, "dog": 5}))
    shutil.copytree(tmp_path / "pets", tmp_path / "moved" / "animals")

    assert loaded(tmp_path / "moved" / "animals").fingerprint == here.fingerprint


@pytest.mark.parametrize("resize", ["crop", "pad"])
def test_ways_to_resize_differ(tmp_path: Path, resize: str) -> None:
    fill(tmp_path / "pets", {"cat": 5, "dog": 5})

    assert loaded(tmp_path / "pets", resize=resize).fingerprint != loaded(tmp_path / "pets").fingerprint


def test_an_unknown_way_to_resize_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'crop'"):
        loaded(tmp_path, resize="cropp")


@pytest.mark.parametrize("size", [0, -3, 1025])
def test_an_impossible_size_is_refused(tmp_path: Path, size: int) -> None:
    with pytest.raises(UsageError, match=f"invalid --image-size {size}: expected 1 to 1024"):
        loaded(tmp_path, image_size=size)


def test_a_folder_of_text_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes" / "a").mkdir(parents=True)
    (tmp_path / "notes" / "a" / "one.txt").write_text("x")

    with pytest.raises(
        DataError, match=r"no image with a class.*\nPassed over: 1 files, such as a/one.txt \(.txt is not"
    ):
        loaded(tmp_path / "notes")


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    fill(tmp_path / "pets", {"cat": 5, "dog": 5})
    at = dataclasses.replace(directories(tmp_path), cache=tmp_path / "pets" / "cat" / "0.png")

    with pytest.raises(StorageError, match="TAMIZ_CACHE names another folder"):
        load(str(tmp_path / "pets"), directories=at)


def test_a_disk_without_room_is_told_before_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "pets", {"cat": 5, "dog": 5})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 0))  # type: ignore[attr-defined]

    with pytest.raises(StorageError, match=r"0.0 GB are needed, 0.0 GB are free; TAMIZ_CACHE"):
        loaded(tmp_path / "pets")


def test_loading_imports_no_keras() -> None:
    program = "import objectives.data.loading, sys; print({'keras', 'tensorflow', 'sklearn'} & {*sys.modules})"

    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "set()\n"
    )
