"""Where the files of a study's settings lie: beside what was typed, and seen from another folder."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from search.results.places import absolute_places, find_space_at, place_of, places_now
from search.results.status import read_settings
from spaces.errors import UsageError
from tests.search.results.test_status import _study

SPACE = """
from spaces.networks import ConvNet, Stage
from spaces.recipe import Fit, Recipe


def suggest(trial):
    return Recipe(network=ConvNet(stages=(Stage(filters=4, convolutions=1),), kernel=3), fit=Fit(learning_rate=0.1))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with files to name."""
    for name in ("photos", "digits", "own_networks"):
        (tmp_path / name).mkdir()
    for name in ("tiny.py", "own_networks/place.py", "weights.h5", "model.keras", "url.txt"):
        (tmp_path / name).write_text(SPACE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "typed", "place"),
    [
        ("space", "tiny.py", "{}/tiny.py"),
        ("space", "own_networks.place", "{}/own_networks/place.py"),
        ("space", "cnn_cifar", None),
        ("space", "numpy.random", None),
        ("data", "photos", "{}/photos"),
        ("data", "~/photos", "{}/photos"),
        ("data", "own_networks/../photos", "{}/own_networks/../photos"),
        ("data", "digits", None),  # a name, whatever lies here
        ("data", "absent", None),  # perhaps a name in the data directory
        ("data", "a\0b", None),
        ("backbone", "VGG16:weights.h5", "VGG16:{}/weights.h5"),
        ("backbone", "model.keras", "{}/model.keras"),
        ("backbone", "VGG16:none", None),
        ("backbone", None, None),
        ("storage", "sqlite:///made_later.db", "sqlite:///{}/made_later.db"),
        ("storage", "file:url.txt", "file:{}/url.txt"),
        ("storage", "env:DATABASE", None),
        ("storage", "postgresql://user@host/database", None),
    ],
)
def test_what_names_a_file_has_an_absolute_place(folder: Path, name: str, typed: str | None, place: str | None) -> None:
    expected = {} if place is None else {name: place.format(folder)}
    assert absolute_places({name: typed}) == expected


@pytest.mark.parametrize(
    ("place", "now"),
    [
        ("VGG16:{}/own_networks/weights.h5", "VGG16:{}/own_networks/weights.h5"),  # still where it was
        ("VGG16:/gone/weights.h5", "VGG16:{}/weights.h5"),
    ],
)
def test_where_a_file_was_comes_before_what_was_typed(folder: Path, place: str, now: str) -> None:
    (folder / "own_networks" / "weights.h5").touch()
    run = _study(folder / "runs")
    settings = {"backbone": "VGG16:weights.h5"}
    record = replace(read_settings(run), settings=settings, places={"backbone": place.format(folder)})
    assert places_now(run, record) == {"backbone": now.format(folder)}


def test_a_study_of_before_places_were_stored_has_none(folder: Path) -> None:
    run = _study(folder / "runs")
    assert places_now(run, read_settings(run)) == {}


def test_a_database_that_is_in_neither_place_is_not_made_again(folder: Path) -> None:
    run = _study(folder / "runs")
    record = replace(
        read_settings(run), settings={"storage": "sqlite:///a.db"}, places={"storage": "sqlite:////x/a.db"}
    )
    with pytest.raises(
        UsageError, match=rf"--storage sqlite:///a.db of study 'toy' is neither /x/a.db\nnor {folder}/a"
    ):
        places_now(run, record)


def test_a_file_is_named_as_it_was_typed_where_this_is_right(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = absolute_places({"data": "photos"})
    assert place_of("data", "photos", places) == "photos"
    monkeypatch.chdir(folder / "own_networks")
    assert place_of("data", "photos", places) == f"{folder}/photos"
    assert place_of("data", "digits", {}) == "digits"


def test_a_dotted_module_is_found_from_another_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    places = absolute_places({"space": "own_networks.place"})
    monkeypatch.chdir(folder / "photos")
    assert find_space_at("own_networks.place", places["space"]).file == f"{folder}/own_networks/place.py"
