"""`predictions.npz` comes back as it was written, or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from objectives.files.predictions import load, save
from objectives.messages import Predictions
from spaces.errors import RecordError

WHOLE = {
    "probabilities": np.array([[0.25, 0.75], [0.5, 0.5]], np.float32),
    "labels": np.array([1, 0], np.int32),
    "images": np.array([7, 3], np.int32),
}


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "predictions.npz"
    save(Predictions(**WHOLE), path)
    found = load(path)

    for name, array in WHOLE.items():
        np.testing.assert_array_equal(getattr(found, name), array, strict=True)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"labels": None}, "'labels' is missing"),
        ({"labels": np.array([1, 0])}, "'labels' is int64 .* expected int32"),
        ({"probabilities": np.zeros(2, np.float32)}, "'probabilities' is float32 with 1 dimensions"),
        ({"images": np.array([7], np.int32)}, "2 rows of probabilities, 2 labels and 1 images"),
        ({"labels": np.array([1, 2], np.int32)}, "labels from 1 to 2: expected 0 to 1"),
        ({"probabilities": np.full((2, 2), np.nan, np.float32)}, "not a finite number"),
        ({"images": np.array([{}, {}], object)}, "can't be read"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, changed: dict[str, np.ndarray | None], said: str) -> None:
    path = tmp_path / "predictions.npz"
    arrays = {name: array for name, array in (WHOLE | changed).items() if array is not None}
    np.savez(path, **arrays)

    with pytest.raises(RecordError, match=said):
        load(path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    path = tmp_path / "predictions.npz"
    save(Predictions(**WHOLE), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])

    with pytest.raises(RecordError, match=r"predictions\.npz: can't be read"):
        load(path)


def test_a_flipped_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "predictions.npz"
    save(Predictions(**WHOLE), path)
    content = bytearray(path.read_bytes())
    content[content.index(b"probabilities.npy") + 60] ^= 0xFF
    path.write_bytes(content)

    with pytest.raises(RecordError, match="can't be read"):
        load(path)


def test_another_array_than_an_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "predictions.npz"
    with path.open("wb") as file:
        np.save(file, np.zeros(3))

    with pytest.raises(RecordError, match="can't be read"):
        load(path)


def test_whatever_bit_is_flipped_the_file_is_read_as_it_was_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "predictions.npz"
    random = np.random.default_rng(0)
    written = Predictions(
        probabilities=random.random((50, 3), dtype=np.float32),
        labels=random.integers(0, 3, 50).astype(np.int32),
        images=np.arange(50, dtype=np.int32),
    )
    save(written, path)
    whole = path.read_bytes()
    refused = 0
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 64]) + whole[place + 1 :])
        try:
            found = load(path)
        except RecordError:
            refused += 1
        else:
            np.testing.assert_array_equal(found.probabilities, written.probabilities)
    assert refused > len(whole) / 2
