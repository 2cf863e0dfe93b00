"""A study is continued wherever it lies now, and wherever and however its space and its images are named now."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reports.stored.study_copy import copy_study
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


def _at(folder: Path) -> dict[str, str]:
    """Return the places of a project's files, as if its study had been begun in this folder."""
    settings = folder / "runs" / "s" / "settings.json"
    record = json.loads(settings.read_text())
    record["places"] = {name: f"{folder}/{Path(place).name}" for name, place in record["places"].items()}
    settings.write_text(json.dumps(record))
    places: dict[str, str] = record["places"]
    return places


@pytest.fixture
def project(begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that folder, which is the working folder."""
    folder = shutil.copytree(begun, tmp_path / "project")
    _at(folder)
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


@pytest.fixture
def elsewhere(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project, seen from another working folder."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return project


def test_places_are_kept_beside_what_was_typed(begun: Path) -> None:
    record = json.loads((begun / "runs" / "s" / "settings.json").read_text())
    assert record["places"] == {"space": str(begun / "tiny.py"), "data": str(begun / "photos")}
    assert (record["settings"]["space"], record["settings"]["data"]) == ("tiny.py", "photos")


@pytest.mark.slow
def test_a_study_is_continued_from_another_folder(elsewhere: Path) -> None:
    places, runs = _at(elsewhere), str(elsewhere / "runs")
    assert tamiz("resume", "s", "--runs", runs, "--trials", "2") == 0
    record = json.loads((elsewhere / "runs" / "s" / "settings.json").read_text())
    assert (record["places"], record["settings"]["data"]) == (places, "photos")
    assert tamiz("resume", str(elsewhere / "runs" / "s"), "--trials", "3") == 0
    assert list(Path().iterdir()) == []
    shutil.copytree(elsewhere / "runs" / "s", elsewhere / "runs" / "t")
    for command in (("report", "s"), ("status", "s"), ("export", "s", "--to", "out"), ("compare", "s", "t")):
        assert tamiz(*command, "--runs", runs) == 0
    assert tamiz("predict", "out/model.keras", str(elsewhere / "photos" / "cat" / "0.png")) == 0


@pytest.mark.slow
def test_a_study_is_continued_where_its_files_are_seen_as_they_were_typed(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = _at(project)
    moved = project.rename(project.with_name("moved"))
    monkeypatch.chdir(moved)
    assert tamiz("resume", "s", "--trials", "2") == 0
    record = json.loads((moved / "runs" / "s" / "settings.json").read_text())
    assert record["places"] == {name: str(moved / Path(place).name) for name, place in places.items()}


def test_a_file_in_neither_place_is_named_with_both(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = _at(elsewhere)
    (elsewhere / "photos").rename(elsewhere / "images")
    runs = str(elsewhere / "runs")
    assert tamiz("resume", "s", "--runs", runs, "--trials", "2") == 2
    said = capsys.readouterr().err
    assert f"error: --data photos of study 's' is neither {places['data']}\n" in said
    assert f"nor {Path.cwd() / 'photos'}: move it back, or name its new place:\n" in said
    assert f"  python -m search run --study s --runs {runs} --data ...\n" in said


def test_only_the_settings_hold_absolute_places(begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(begun)
    assert tamiz("export", "s", "--to", str(tmp_path / "out")) == 0
    assert tamiz("report", "s", "--lite") == 0
    files = [file for folder in (begun / "runs", tmp_path / "out") for file in folder.rglob("*") if file.is_file()]
    holding = [file.name for file in files if str(begun).encode() in _content(file)]
    assert (holding, len(files) > 20) == (["settings.json"], True)


def _content(file: Path) -> bytes:
    """Return what a file holds, its compressed parts as well."""
    if not zipfile.is_zipfile(file):
        return file.read_bytes()
    with zipfile.ZipFile(file) as parts:
        return b"".join(parts.read(name) for name in parts.namelist())


@pytest.mark.slow
def test_what_is_not_typed_is_what_is_stored(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tamiz("run", "--study", "s", "--trials", "2", "--until", "0.999", "--timeout", "1h") == 0
    record = json.loads((project / "runs" / "s" / "settings.json").read_text())
    assert (record["epochs"], record["settings"]["image_size"], record["settings"]["executor"]) == (1, 8, "inline")
    assert tamiz("run", "--space", "tiny.py", "--study", "s") == 0
    record = json.loads((project / "runs" / "s" / "settings.json").read_text())
    stored = record["settings"]
    assert (stored["trials"], stored["until"], stored["timeout_seconds"]) == (2, 0.999, None)


def _typed(project: Path, source: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    match source:
        case "flag":
            return ("--epochs", "8")
        case "variable":
            monkeypatch.setenv("TAMIZ_EPOCHS", "8")
        case "pyproject":
            (project / "pyproject.toml").write_text("[tool.tamiz]\nepochs = 8\n")
        case "file":
            (project / "search.toml").write_text("epochs = 8\n")
            return ("--config", "search.toml")
    return ()


@pytest.mark.slow
@pytest.mark.parametrize("source", ["flag", "variable", "pyproject", "file"])
def test_what_is_typed_and_differs_is_refused(
    project: Path, source: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tamiz("run", "--study", "s", "--trials", "2", *_typed(project, source, monkeypatch)) == 4
    said = capsys.readouterr().err
    assert "  epochs: 1 then, 8 now\n" in said
    assert "Choose another --study, or continue with its stored settings: `python -m search resume s`.\n" in said


@pytest.mark.slow
def test_moved_images_are_named_for_a_study_that_exists(project: Path) -> None:
    (project / "photos").rename(project / "images")
    assert tamiz("run", "--study", "s", "--data", "images", "--trials", "2") == 0
    assert tamiz("resume", "s", "--trials", "3") == 0


FAULT = "if type(trial).__name__ == 'TrialSuggest':\n        raise RuntimeError('oh')"  # not where a search looks first
BROKEN = SPACE.replace("def suggest(trial):", f"def suggest(trial):\n    trial.suggest_int('width', 1, 2)\n    {FAULT}")


def _helped(project: Path, code: str) -> None:
    """Write a space whose fault is in a module that it imports: its own code stays the same."""
    (project / "helper.py").write_text(f"def help(trial):\n    {code}\n")
    own = SPACE.replace("def suggest(trial):", "from helper import help\n\ndef suggest(trial):\n    help(trial)")
    (project / "own.py").write_text(own.strip())


def _result(project: Path, study: str, trial: int = 0) -> dict[str, object]:
    text = (project / "runs" / study / "trials" / f"{trial:04}" / "result.json").read_text()
    result: dict[str, object] = json.loads(text)
    return result


@pytest.fixture
def failed(project: Path) -> Path:
    """The project, with study `t` whose three trials have failed in its space."""
    (project / "own.py").write_text(BROKEN.strip())
    assert tamiz("run", "--space", "own.py", "--data", "photos", *OPTIONS, "--study", "t", "--trials", "5") == 6
    assert _result(project, "t")["state"] == "FAIL"
    return project


CHANGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "mended": (SPACE, ()),
    "other choices": (SPACE.replace("return", "trial.suggest_categorical('width', [3, 4])\n    return"), ()),
    "other direction": (SPACE, ("--metric", "val_loss")),
    "other settings": (SPACE, ("--epochs", "2", "--seed", "1", "--image-size", "9")),
}


@pytest.mark.slow
@pytest.mark.parametrize(("space", "options"), CHANGES.values(), ids=CHANGES)
def test_a_study_without_a_complete_trial_takes_what_it_is_given(
    failed: Path, space: str, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    (failed / "own.py").write_text(space.strip())
    capsys.readouterr()
    assert tamiz("run", "--study", "t", "--trials", "2", *options) == 0
    said = capsys.readouterr().err
    assert "study 't' starts over: it had no complete trial (3 trials removed)\n" in said
    assert [_result(failed, "t", trial)["state"] for trial in (0, 1)] == ["COMPLETE", "COMPLETE"]
    assert not (failed / "runs" / "t" / "trials" / "0002").exists()
    assert [trial.state.name for trial in copy_study(failed / "runs" / "t" / "study.db", "t").trials] == [
        "COMPLETE"
    ] * 2


@pytest.mark.slow
def test_resume_takes_a_mended_space_too_and_what_it_imports(project: Path) -> None:
    _helped(project, FAULT)
    options = ("--data", "photos", *OPTIONS, "--study", "t", "--trials", "3")
    assert _process(project, "run", "--space", "own.py", *options).returncode == 6
    _helped(project, "return None")
    mended = _process(project, "resume", "t")
    assert mended.returncode == 0, mended.stderr
    assert "3 of 3 trials: 3 complete" in mended.stderr


def _process(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "search", *words]
    return subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.mark.slow
def test_a_study_with_a_complete_trial_does_not_start_over(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "tiny.py").write_text(BROKEN.strip())
    assert tamiz("run", "--study", "s", "--trials", "2") == 4
    assert "the space's code has changed" in capsys.readouterr().err
    assert _result(project, "s")["state"] == "COMPLETE"


@pytest.mark.slow
def test_a_space_that_failed_before_its_first_trial_is_mended(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "own.py").write_text(SPACE.replace("def suggest(trial):", "def suggest(trial):\n    absent()").strip())
    run = ("run", "--space", "own.py", "--data", "photos", *OPTIONS, "--study", "t")
    assert tamiz(*run) == 2
    assert not (project / "runs" / "t").exists()
    (project / "own.py").write_text(SPACE.strip())
    capsys.readouterr()
    assert tamiz(*run) == 0
    assert "starts over" not in capsys.readouterr().err


@pytest.mark.slow
def test_status_prints_the_command_that_goes_on(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tamiz("run", "--study", "s", "--trials", "3", "--timeout", "0.001s", "--runs", "runs") in (0, 6)
    (project / "my runs").mkdir()
    (project / "runs" / "s").rename(project / "my runs" / "s")
    capsys.readouterr()
    assert tamiz("status", "s", "--runs", "my runs") == 0
    resume = capsys.readouterr().out.partition("resume with: ")[2].partition("\n")[0]
    assert resume == "python -m search resume s --runs 'my runs'"
    assert tamiz(*shlex.split(resume.removeprefix("python -m search "))) == 0
    capsys.readouterr()
    assert tamiz("status", "s", "--runs", "my runs") == 0
    assert "resume with" not in capsys.readouterr().out
