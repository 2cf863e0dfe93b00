"""Arrays: digits, and `.npz` files in the shapes that people save."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from objectives.data.sources.arrays import ImageArrays, read_digits, read_npz
from spaces.errors import DataError

IMAGES = np.linspace(0, 255, 4 * 2 * 3).astype(np.uint8).reshape(4, 2, 3)
LABELS = np.array([0, 1, 0, 1])


def npz(tmp_path: Path, **arrays: np.ndarray) -> Path:
    np.savez(tmp_path / "a.npz", **arrays)
    return tmp_path / "a.npz"


def test_digits_span_all_of_uint8() -> None:
    digits = read_digits()

    assert (digits.images.shape, digits.images.min(), digits.images.max()) == ((1797, 8, 8, 1), 0, 255)


@pytest.mark.parametrize(
    "images",
    [IMAGES, IMAGES[..., None], IMAGES.astype(np.int64), IMAGES.astype(np.float32)],
    ids=["grey", "channel", "int64", "float 0..255"],
)
def test_images_in_other_shapes_and_types_are_the_same(tmp_path: Path, images: np.ndarray) -> None:
    assert (read_npz(npz(tmp_path, x_train=images, y_train=LABELS)).images == IMAGES[..., None]).all()


def test_floats_up_to_one_are_scaled(tmp_path: Path) -> None:
    arrays = read_npz(npz(tmp_path, x_train=np.array([[[0.0, 0.5]], [[1.0, 0.0]]]), y_train=np.array([0, 1])))

    assert arrays.images.ravel().tolist() == [0, 128, 255, 0]


@pytest.mark.parametrize(
    "labels",
    [LABELS, LABELS[:, None], np.eye(2)[LABELS], LABELS.astype(np.float64), LABELS.astype(bool)],
    ids=["integers", "column", "one-hot", "whole floats", "booleans"],
)
def test_labels_in_other_shapes_are_the_same(tmp_path: Path, labels: np.ndarray) -> None:
    assert read_npz(npz(tmp_path, x_train=IMAGES, y_train=labels)).labels.tolist() == [0, 1, 0, 1]


def test_labels_with_gaps_keep_their_names(tmp_path: Path) -> None:
    arrays = read_npz(npz(tmp_path, x_train=IMAGES, y_train=np.array([7, 3, 7, 10])))

    assert (arrays.classes, arrays.labels.tolist()) == (("3", "7", "10"), [1, 0, 1, 2])


def test_a_test_part_is_read(tmp_path: Path) -> None:
    arrays = read_npz(npz(tmp_path, x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:1], y_test=LABELS[:1]))

    assert arrays.test is not None
    assert (arrays.test[0].shape, arrays.test[1].tolist()) == ((1, 2, 3, 1), [0])


GOOD = {"x_train": IMAGES, "y_train": LABELS}
REFUSED = {
    "other keys": ({"a": IMAGES, "b": LABELS}, "holds a, b; expected x_train and y_train"),
    "no labels": ({"x_train": IMAGES}, "holds x_train; expected x_train and y_train"),
    "two spellings": ({**GOOD, "X_train": IMAGES}, "holds both x_train and X_train"),
    "flat images": ({**GOOD, "x_train": IMAGES.reshape(4, 6)}, r"x_train has shape \(4, 6\); expected"),
    "channels first": ({**GOOD, "x_train": np.zeros((4, 3, 8, 8))}, "1 or 3 channels, the last"),
    "unclear values": ({**GOOD, "x_train": IMAGES.astype(int) + 3000}, r"values go from 3000 to 3255 .*--pixel-range"),
    "standardised values": ({**GOOD, "x_train": IMAGES / 60 - 1.7}, r"values go from -1.7 to 2.55 \(floats\)"),
    "not a number": ({**GOOD, "x_train": np.full((4, 2, 3), np.nan)}, "values go from nan"),
    "text for images": ({**GOOD, "x_train": np.full((4, 2, 3), "x")}, "x_train holds <U1"),
    "no image": ({"x_train": IMAGES[:0], "y_train": LABELS[:0]}, "y_train holds int64 of shape"),
    "fewer labels": ({**GOOD, "y_train": LABELS[:3]}, "x_train has 4 images, y_train 3 labels"),
    "rows of names": ({**GOOD, "y_train": np.array([["a", "b"]] * 4)}, "y_train holds <U1.*expected integers"),
    "broken labels": ({**GOOD, "y_train": LABELS + 0.5}, "expected integers"),
    "rows of two ones": ({**GOOD, "y_train": np.ones((4, 2))}, "a row has exactly one 1"),
    "unknown test labels": ({**GOOD, "x_test": IMAGES, "y_test": LABELS + 1}, "labels that y_train lacks: 2"),
    "other test size": ({**GOOD, "x_test": IMAGES[:, :1], "y_test": LABELS}, r"\(2, 3, 1\) in x_train and \(1, 3, 1\)"),
    "Python objects": ({**GOOD, "x_train": np.array([None] * 4)}, "can't be read as an .npz file"),
    "labels as objects": ({**GOOD, "y_train": np.array(list("abab"), object)}, r"store labels as .*astype\(str\)"),
}  # fmt: skip


@pytest.mark.parametrize(("arrays", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused(tmp_path: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(DataError, match=f"(?s){message}"):
        read_npz(npz(tmp_path, **arrays))


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = npz(tmp_path, **GOOD)
    path.write_bytes(path.read_bytes()[:100])

    with pytest.raises(DataError, match="can't be read as an .npz file"):
        read_npz(path)


def test_a_file_that_unpacks_to_more_than_memory_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x_train.npy", b"")
        archive.getinfo("x_train.npy").file_size = 2**50  # what the directory of a bomb says

    with pytest.raises(DataError, match="unpacks to 1125899.9 GB"):
        read_npz(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("labels", "message"), [([0, 1], "1 images came with 2 labels"), ([2], "labels go from 2 to 2")]
)
def test_labels_must_fit_images_and_classes(labels: list[int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        ImageArrays(
            classes=("a", "b"), images=np.zeros((1, 2, 2, 1), np.uint8), labels=np.array(labels, np.int32), test=None
        )
