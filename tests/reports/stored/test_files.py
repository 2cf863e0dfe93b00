"""Files of a run folder that are damaged in odd ways are gaps, never an error."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from objectives.messages import Layer
from reports.stored.files import StoredFiles
from reports.stored.records import FeatureMap, Inside


@pytest.fixture
def files(tmp_path: Path) -> StoredFiles:
    (tmp_path / "best").mkdir()
    return StoredFiles(tmp_path)


def problems(files: StoredFiles) -> dict[str, str]:
    return {gap.part: gap.problem for gap in files.gaps}


@pytest.mark.parametrize("epoch", ["", "nan", "inf", "-1", "0", "1e12"])
def test_a_row_without_a_proper_epoch_is_left_out(files: StoredFiles, epoch: str) -> None:
    (files.folder / "history.csv").write_text(f"epoch,score\n1,0.5\n{epoch},0.6\n")
    history = files.history("history.csv", expected=True)
    assert history is not None
    assert (history.epochs.tolist(), history.scores.tolist()) == ([1], [0.5])
    assert problems(files) == {"history.csv": "1 of its 2 rows are damaged and left out"}


def test_a_cell_that_fills_the_memory_is_no_table(files: StoredFiles) -> None:
    (files.folder / "history.csv").write_text("epoch,score\n" + "9" * 200_000)
    assert files.history("history.csv", expected=True) is None
    assert problems(files) == {"history.csv": "is not a table"}


def test_json_that_is_nested_without_end_is_a_gap(files: StoredFiles) -> None:
    (files.folder / "recipe.json").write_text("[" * 200_000)
    assert files.recipe("recipe.json", expected=True) is None
    assert problems(files) == {"recipe.json": "is not JSON"}


def test_a_folder_in_a_file_s_place_is_a_gap(files: StoredFiles) -> None:
    (files.folder / "recipe.json").mkdir()
    assert files.recipe("recipe.json", expected=True) is None
    assert problems(files) == {"recipe.json": "can't be read (IsADirectoryError)"}


@pytest.mark.parametrize("shape", [(2, 4, 4, 2), (2, 4, 4), (3, 4, 4, 1)])
def test_pictures_that_can_not_be_shown_are_a_gap(files: StoredFiles, shape: tuple[int, ...]) -> None:
    np.savez(files.folder / "best/thumbnails.npz", images=np.arange(2), pixels=np.zeros(shape, np.uint8))
    assert files.thumbnails() is None
    assert list(problems(files)) == ["best/thumbnails.npz"]


@pytest.mark.parametrize("shown", [10, -1])
def test_maps_of_a_class_that_the_study_has_not_are_a_gap(files: StoredFiles, shown: int) -> None:
    np.savez(files.folder / "best/feature_maps.npz", maps0=np.zeros((1, 4, 4, 2), np.uint8))
    inside = Inside(
        schema=1,
        layers=(Layer(name="first", kind="Conv2D", output=(4, 4, 2), parameters=10),),
        maps=(FeatureMap(layer="first", array="maps0"),),
        map_classes=(shown,),
        map_images=(0,),
    )
    assert files.feature_maps(inside, classes=10) == {}
    assert problems(files) == {"best/inside.json": "shows classes that are not among the study's 10"}


@pytest.mark.parametrize("content", [b"PK\x03\x04", b"", b"{}", b"\x93NUMPY"])
def test_an_archive_that_is_none_is_a_gap(files: StoredFiles, content: bytes) -> None:
    (files.folder / "best/thumbnails.npz").write_bytes(content)
    assert files.thumbnails() is None
    assert list(problems(files)) == ["best/thumbnails.npz"]


def test_a_bare_number_is_no_recipe(files: StoredFiles) -> None:
    (files.folder / "recipe.json").write_text(json.dumps(3))
    assert files.recipe("recipe.json", expected=True) is None
    assert problems(files) == {"recipe.json": "is not a recipe"}
