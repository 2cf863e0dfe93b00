"""A checkpoint is read as it was written, or not at all."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest

from objectives.files.checkpoints import digest_file, load, save
from objectives.messages import Checkpoint, TrainingTask
from spaces.errors import RecordError
from tests.search.fixtures.scripted_workers import checkpoint_of, diverged
from tests.search.fixtures.toy import RECIPE


@pytest.fixture
def checkpoint() -> Checkpoint:
    task = TrainingTask(trial=7, recipe=RECIPE, seed=3)
    return checkpoint_of(task, diverged(0.1, 0.3, float("nan")), epoch=3)


@pytest.fixture
def file(checkpoint: Checkpoint, tmp_path: Path) -> Path:
    path = tmp_path / "0003.npz"
    save(checkpoint, path)
    return path


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Checkpoint)])
def test_each_part_comes_back(checkpoint: Checkpoint, file: Path, field: str) -> None:
    assert repr(getattr(load(file), field)) == repr(getattr(checkpoint, field))  # one of the scores is no number


def test_arrays_keep_their_types(checkpoint: Checkpoint, file: Path) -> None:
    assert [array.dtype for array in load(file).optimizer] == [array.dtype for array in checkpoint.optimizer]


def test_the_digest_is_one_that_sha256sum_checks(file: Path) -> None:
    assert digest_file(file).read_text() == f"{hashlib.sha256(file.read_bytes()).hexdigest()}  0003.npz\n"


@pytest.mark.parametrize("which", ["checkpoint", "digest"])
@pytest.mark.parametrize("place", [0, 70, -1])
def test_a_flipped_bit_is_found_anywhere(file: Path, which: str, place: int) -> None:
    damaged = file if which == "checkpoint" else digest_file(file)
    content = bytearray(damaged.read_bytes())
    content[place] ^= 1
    damaged.write_bytes(content)
    with pytest.raises(RecordError, match="0003.npz"):
        load(file)


@pytest.mark.parametrize("which", ["checkpoint", "digest"])
def test_a_file_cut_short_is_found(file: Path, which: str) -> None:
    damaged = file if which == "checkpoint" else digest_file(file)
    damaged.write_bytes(damaged.read_bytes()[:-10])
    with pytest.raises(RecordError, match="0003.npz"):
        load(file)


def test_one_without_its_digest_is_not_read(file: Path) -> None:
    digest_file(file).unlink()
    with pytest.raises(RecordError, match="can't be read as a checkpoint"):
        load(file)


@pytest.mark.parametrize(
    "arrays",
    [
        (),
        (np.zeros(3, np.uint8),),
        (np.frombuffer(b"{}", np.uint8),),
        (np.array([{"a": "pickle"}], dtype=object),),
    ],
    ids=["none", "no header", "an empty header", "a pickle"],
)
def test_other_arrays_are_refused_whatever_their_digest(tmp_path: Path, arrays: tuple[np.ndarray, ...]) -> None:
    path = tmp_path / "0001.npz"
    np.savez(path, *arrays)
    digest_file(path).write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  0001.npz\n")
    with pytest.raises(RecordError, match="checkpoint"):
        load(path)
