"""Which file has which class and part, for each way in which people lay out their folders."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from objectives.data.folders.index import classes_in_name, index_folder
from tests.objectives.data.pictures import fill, save


def counted(root: Path) -> dict[str, int]:
    """How many images index_folder finds, by "part/class"."""
    return dict(Counter(f"{file.part}/{file.label}" for file in index_folder(root).files))


BOTH = {"train/cat": 3, "train/dog": 2, "test/cat": 1, "test/dog": 1}
LAYOUTS = {
    "classes": ({"cat": 3, "dog": 2}, {"train/cat": 3, "train/dog": 2}),
    "train and test": (BOTH, BOTH),
    "other words for parts": (
        {"seg_train/cat": 3, "seg_train/dog": 2, "Valid/cat": 1, "Test Set/dog": 1},
        {"train/cat": 3, "train/dog": 2, "validation/cat": 1, "test/dog": 1},
    ),
    "a wrapper around parts": ({f"pets/pets/{name}": count for name, count in BOTH.items()}, BOTH),
    "a wrapper around classes": ({"pets/cat": 3, "pets/dog": 2}, {"train/cat": 3, "train/dog": 2}),
    "a wrapper inside parts": (
        {name.replace("/", "/images/"): count for name, count in BOTH.items()},
        BOTH,
    ),
    "parts inside classes": ({"/".join(name.split("/")[::-1]): count for name, count in BOTH.items()}, BOTH),
    "folders inside classes": ({"cat/2019/may": 3, "cat/2020": 1, "dog": 2}, {"train/cat": 4, "train/dog": 2}),
    "train alone": ({"train/cat": 3, "train/dog": 2}, {"train/cat": 3, "train/dog": 2}),
    "a class called train": ({"car": 3, "train": 2}, {"train/car": 3, "train/train": 2}),
    "classes beside a test folder": (
        {"pets/cat": 3, "pets/dog": 2, "pets_testset/cat": 1},
        {"train/cat": 3, "train/dog": 2, "test/cat": 1},
    ),
}


@pytest.mark.parametrize(("counts", "expected"), LAYOUTS.values(), ids=LAYOUTS.keys())
def test_layouts(tmp_path: Path, counts: dict[str, int], expected: dict[str, int]) -> None:
    assert counted(fill(tmp_path, counts)) == expected


@pytest.mark.parametrize("folder", ["test", "kaggle_simpson_testset/kaggle_simpson_testset"])
def test_a_test_folder_may_carry_classes_in_file_names(tmp_path: Path, folder: str) -> None:
    fill(tmp_path, {"train/bart_simpson": 2, "train/bart": 2})
    save(tmp_path / folder / "bart_simpson_12.jpg")
    save(tmp_path / folder / "bart_3.jpg")

    assert {file.shown.split("/")[-1]: file.label for file in index_folder(tmp_path).of("test")} == {
        "bart_3.jpg": "bart",
        "bart_simpson_12.jpg": "bart_simpson",
    }


def test_file_names_without_a_class_are_passed_over(tmp_path: Path) -> None:
    fill(tmp_path, {"train/cat": 2, "train/dog": 2})
    for name in ("cat_1.png", "bird_1.png"):
        save(tmp_path / "test" / name)

    assert [file.path for file in index_folder(tmp_path).ignored] == ["test/bird_1.png"]


def test_a_test_folder_whose_names_say_nothing_is_left_out(tmp_path: Path) -> None:
    fill(tmp_path, {"train/cat": 2, "train/dog": 2, "test": 2})
    index = index_folder(tmp_path)

    assert (index.problems, index.of("test"), index.notes) == (
        (),
        (),
        (
            (
                "2 images in test/ left out, since no class folder or file name gives their class, such as test/0.png; "
                "`python -m search predict` can classify them"
            ),
        ),
    )


@pytest.mark.parametrize(
    ("stem", "held"),
    [
        ("bart_simpson_12", ["bart_simpson"]),
        ("Bart-Simpson 12", ["bart_simpson"]),
        ("cat12", ["cat"]),
        ("12cat", []),
        ("concatenation", []),
        ("cat_dog_1", ["cat", "dog"]),
        ("猫_1", ["猫"]),
    ],
)
def test_the_longest_class_in_a_name_wins(stem: str, held: list[str]) -> None:
    assert classes_in_name(stem, ["bart", "bart_simpson", "cat", "dog", "猫"]) == held


def test_classes_are_in_natural_order(tmp_path: Path) -> None:
    assert index_folder(fill(tmp_path, {"10": 1, "2": 1, "1": 1})).classes == ("1", "2", "10")


def test_an_empty_class_is_left_out_and_told(tmp_path: Path) -> None:
    index = index_folder(fill(tmp_path, {"cat": 1, "dog": 1, "bird": 0}))

    assert (index.classes, index.empty_classes) == (("cat", "dog"), ("bird",))


PROBLEMS = {
    "an empty folder": ({}, "no image with a class"),
    "images without a folder": ({".": 3}, "no image with a class"),
    "one class": ({"cat": 3}, r"1 class to train on \(cat\)"),
    "a tested class that is not trained": ({**BOTH, "test/bird": 1}, "classes in test without a training image: bird"),
}


@pytest.mark.parametrize(("counts", "problem"), PROBLEMS.values(), ids=PROBLEMS.keys())
def test_problems(tmp_path: Path, counts: dict[str, int], problem: str) -> None:
    (found,) = index_folder(fill(tmp_path, counts)).problems
    assert problem.replace("\\", "") in found
