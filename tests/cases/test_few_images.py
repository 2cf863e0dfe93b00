"""A split leaves each class what it needs, and data that can't be split are refused alike by check and search."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from objectives.data.checks.check import check
from objectives.data.loading import load
from objectives.data.splitting import split
from spaces.errors import DataError
from tests.objectives.data.pictures import directories, fill

CLASSES = [str(number) for number in range(10)]


@pytest.mark.parametrize("each", [1, 2])
def test_too_few_images_a_class_are_refused_by_search_and_check(tmp_path: Path, each: int) -> None:
    root = fill(tmp_path / "photos", dict.fromkeys(CLASSES, each))
    said = "no class has 3 different images, one each to train, to validate and to test, and no test part came"

    with pytest.raises(DataError, match=said):
        load(str(root), directories=directories(tmp_path))
    found = check(str(root), directories=directories(tmp_path))
    assert (found.is_fit, found.problems[0].startswith(said)) == (False, True)


def test_three_images_a_class_are_enough(tmp_path: Path) -> None:
    root = fill(tmp_path / "photos", dict.fromkeys(CLASSES, 3))
    dataset = load(str(root), directories=directories(tmp_path))
    chosen = split(dataset, seed=0)

    assert check(str(root), directories=directories(tmp_path)).is_fit
    assert [np.bincount(labels).tolist() for labels in (
        dataset.labels[chosen.train], dataset.labels[chosen.validation], dataset.test_labels,
    )] == [[1] * 10] * 3  # fmt: skip


def test_a_class_of_two_images_validates(tmp_path: Path) -> None:
    root = fill(tmp_path / "photos", {"many": 30, "two": 2})
    dataset = load(str(root), directories=directories(tmp_path))
    chosen = split(dataset, seed=0)

    assert dataset.labels[chosen.validation].tolist().count(1) == 1


def test_copies_do_not_count_as_images_of_a_class(tmp_path: Path) -> None:
    root = fill(tmp_path / "photos", {"a": 1, "b": 1})
    for label in "ab":
        for copy in range(5):
            (root / label / f"copy{copy}.png").write_bytes((root / label / "0.png").read_bytes())

    with pytest.raises(DataError, match="no class has 3 different images"):
        load(str(root), directories=directories(tmp_path))


def test_one_image_a_class_beside_a_test_part_is_refused(tmp_path: Path) -> None:
    root = fill(tmp_path / "photos", {"train/a": 1, "train/b": 1, "test/a": 1, "test/b": 1})
    said = "no class has 2 different images, one each to train and to validate"

    with pytest.raises(DataError, match=said):
        split(load(str(root), directories=directories(tmp_path)), seed=0)
    assert check(str(root), directories=directories(tmp_path)).problems == (said,)


def test_two_images_a_class_beside_a_validation_part_are_enough(tmp_path: Path) -> None:
    root = fill(tmp_path / "photos", {"train/a": 2, "train/b": 2, "val/a": 1, "val/b": 1})
    dataset = load(str(root), directories=directories(tmp_path))

    assert (len(dataset.test_labels), check(str(root), directories=directories(tmp_path)).is_fit) == (2, True)
