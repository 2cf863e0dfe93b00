"""A study is continued wherever it lies now, and wherever and however its space and its images are named now."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from search.cli.app import run_command_line

SPACE = '''
"""One small convolution."""

from spaces.networks import ConvNet, Stage
from spaces.recipe import Fit, Recipe


def suggest(trial):
    network = ConvNet(stages=(Stage(filters=4, convolutions=1),), kernel=3)
    rate = trial.suggest_float("learning_rate", 3e-3, 3e-2, log=True)
    return Recipe(network=network, fit=Fit(learning_rate=rate, batch_size=32))
'''
OPTIONS = ("--trials", "1", "--epochs", "1", "--executor", "inline", "--image-size", "8", "--study", "s")


def tamiz(*words: str) -> int:
    """Run a command, and return its exit code."""
    return run_command_line(words)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photos, a space and a study of one trial, begun there; no test changes it."""
    folder = tmp_path_factory.mktemp("begun")
    random = np.random.default_rng(0)
    for label in ("cat", "dog"):
        (folder / "photos" / label).mkdir(parents=True)
        for number in range(20):
            pixels = random.integers(0, 255, (8, 8), np.uint8)
            Image.fromarray(pixels).save(folder / "photos" / label / f"{number}.png")
    (folder / "tiny.py").write_text(SPACE.strip())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("TAMIZ_CACHE", str(folder / "cache"))
        assert tamiz("run", "--space", "tiny.py", "--data", "photos", *OPTIONS) == 0
    return folder


@pytest.fixture
def project(begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that folder, which is the working folder."""
    folder = shutil.copytree(begun, tmp_path / "project")
    monkeypatch.chdir(folder)
    return folder


def _link(project: Path) -> str:
    (project / "link").symlink_to("photos")
    return "link"


def _moved(project: Path) -> str:
    (project / "photos").rename(project / "elsewhere")
    return str(project / "elsewhere")


NAMES: dict[str, Callable[[Path], str]] = {
    "trailing slash": lambda project: "photos/",
    "dot": lambda project: "./photos",
    "absolute": lambda project: str(project / "photos"),
    "parent": lambda project: "../project/photos",
    "home": lambda project: "~/photos",
    "link": _link,
    "moved": _moved,
}


@pytest.mark.slow
@pytest.mark.parametrize("named", NAMES.values(), ids=NAMES)
def test_the_same_images_are_the_same_data(
    project: Path, named: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(project))
    assert tamiz("run", "--space", "tiny.py", "--data", named(project), *OPTIONS, "--trials", "2") == 0
    assert (project / "runs" / "s" / "trials" / "0001" / "result.json").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("space", ["./tiny.py", "../project/tiny.py", "moved/other.py"])
def test_the_same_code_is_the_same_space(project: Path, space: str) -> None:
    (project / "moved").mkdir()
    shutil.copy(project / "tiny.py", project / "moved" / "other.py")
    assert tamiz("run", "--space", space, "--data", "photos", *OPTIONS, "--trials", "2") == 0


@pytest.mark.slow
def test_the_size_that_folders_have_by_default_may_be_typed(project: Path) -> None:
    options = ("--trials", "1", "--epochs", "1", "--executor", "inline", "--study", "t")
    assert tamiz("run", "--space", "tiny.py", "--data", "photos", *options) == 0
    assert tamiz("run", "--space", "tiny.py", "--data", "photos", *options, "--image-size", "64", "--trials", "2") == 0


@pytest.mark.slow
def test_a_study_may_be_moved_copied_and_renamed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(project / "runs" / "s", project / "archive" / "t")
    assert tamiz("resume", "t", "--runs", "archive", "--trials", "2") == 0
    assert tamiz("run", "--space", "tiny.py", "--data", "photos", *OPTIONS, "--study", "t", "--runs", "archive") == 0
    (project / "archive" / "t").rename(project / "archive" / "u")
    assert tamiz("status", "archive/u") == 0
    assert "more trials: python -m search resume u --runs archive --trials 4" in capsys.readouterr().out
    assert tamiz("resume", "archive/u", "--trials", "3") == 0
    assert (project / "archive" / "u" / "trials" / "0002" / "result.json").is_file()
    assert not (project / "runs" / "s" / "trials" / "0001").exists()


@pytest.mark.slow
def test_other_images_of_the_same_name_are_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "photos" / "cat" / "0.png").unlink()
    assert tamiz("run", "--space", "tiny.py", "--data", "./photos", *OPTIONS, "--trials", "2") == 4
    assert "now (photos then, ./photos now)" in capsys.readouterr().err


@pytest.mark.slow
def test_other_code_of_the_same_name_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "tiny.py").write_text(SPACE.replace("filters=4", "filters=5"))
    assert tamiz("run", "--space", "./tiny.py", "--data", "photos", *OPTIONS, "--trials", "2") == 4
    assert "the space's code has changed (tiny.py then, ./tiny.py now)" in capsys.readouterr().err
