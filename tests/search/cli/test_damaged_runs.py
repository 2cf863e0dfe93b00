"""Whatever is wrong with a run folder, each command that reads one ends in one clear error, or says what is missing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from search.cli.app import run_command_line
from tests.reports.run_folders import write_run

NEWER = '{"schema": 99}'
GARBAGE = b"\x00\xff\xfe garbage \x9c" * 20
PARTS = (
    "settings.json",
    "study.db",
    "summary.json",
    "trials/0000/result.json",
    "trials/0000/recipe.json",
    "trials/0000/history.csv",
    "trials/0000/predictions.npz",
    "best/measurement.json",
    "best/predictions.npz",
    "best/thumbnails.npz",
    "best/inside.json",
    "best/model.keras",
    "best/model_card.json",
    "best/train.py",
)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def garbled(path: Path) -> None:
    path.write_bytes(GARBAGE)


def halved(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if path.is_file() else b"{")


def of_the_future(path: Path) -> None:
    path.write_text(NEWER)


def a_list(path: Path) -> None:
    path.write_text("[]")


def removed(path: Path) -> None:
    path.unlink(missing_ok=True)


def a_folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


DAMAGES: tuple[Callable[[Path], None], ...] = (
    emptied,
    garbled,
    halved,
    of_the_future,
    a_list,
    removed,
    a_folder,
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small finished studies of the same data; not to be changed."""
    runs = tmp_path_factory.mktemp("runs")
    for seed, name in enumerate(("one", "two")):
        write_run(runs / name, study_name=name, trials=2, distinct=2, seed=seed)
    return runs


COMMANDS = {
    "report": ["report", "one", "--lite"],
    "status": ["status", "one", "--json"],
    "export": ["export", "one", "--to", "exported"],
    "compare": ["compare", "one", "two"],
    "compare to": ["compare", "two", "one", "--report"],
}


@pytest.mark.parametrize(
    "command", ["status", *(pytest.param(name, marks=pytest.mark.slow) for name in COMMANDS if name != "status")]
)
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_no_damage_ends_in_a_traceback(
    whole: Path,
    tmp_path: Path,
    command: str,
    damage: Callable[[Path], None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    faults = {}
    for part in PARTS:
        shutil.rmtree(tmp_path / "runs", ignore_errors=True)
        shutil.copytree(whole, tmp_path / "runs")
        damage(tmp_path / "runs/one" / part)
        code = run_command_line(COMMANDS[command])
        told = capsys.readouterr()
        lines = told.err.splitlines()
        if code not in (0, 2, 4, 5) or len(lines) > 6 or (code and not lines[0].startswith("error: ")):
            faults[part] = (code, told.err)
    assert faults == {}


@pytest.mark.parametrize("part", ["settings.json", "trials/0000/result.json", "best/measurement.json"])
def test_status_says_that_a_part_is_of_a_newer_format(
    whole: Path, tmp_path: Path, part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(whole, tmp_path / "runs")
    (tmp_path / "runs/one" / part).write_text(NEWER)
    code = run_command_line(["status", str(tmp_path / "runs/one")])
    told = f"{tmp_path / 'runs/one' / part} is of format 99; this Tamiz reads formats up to 1. Update Tamiz to read it."
    assert (code, capsys.readouterr().err) == (4, f"error: {told}\n")


def test_a_damaged_study_in_json_is_one_object(whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(whole, tmp_path / "runs")
    (tmp_path / "runs/one/settings.json").write_text(NEWER)
    code = run_command_line(["status", "one", "--json", "--runs", str(tmp_path / "runs")])
    told = json.loads(capsys.readouterr().out)
    assert (code, told["exit_code"], told["status"]) == (4, 4, "failed")
