"""`python -m search report`: what it writes, prints and refuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import filelock
import optuna
import pytest

import reports.pages.page
from search.cli.app import run_command_line
from search.storage.database import study_storage
from tests.reports.run_folders import write_run
from tests.servers.postgres import PostgresServer

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study; not to be changed."""
    return write_run(tmp_path_factory.mktemp("runs") / "digits", trials=8, distinct=4)


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished study."""
    return Path(shutil.copytree(finished, tmp_path / "digits"))


@pytest.fixture
def report(folder: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    """Runs `report` on the copy; returns exit code, stdout and stderr."""

    def say(*options: str) -> tuple[int, str, str]:
        code = run_command_line(["report", str(folder), *options])
        told = capsys.readouterr()
        return code, told.out, told.err

    return say


def test_it_prints_the_path_of_the_page(report: Say, folder: Path) -> None:
    assert report() == (0, f"{folder / 'report.html'}\n", "")


def test_a_lite_page_leaves_the_full_one_alone(report: Say, folder: Path) -> None:
    (folder / "report.html").write_text("full")
    assert report("--lite") == (0, f"{folder / 'report-lite.html'}\n", "")
    assert (folder / "report.html").read_text() == "full"


def test_json_is_the_answer_as_one_object(report: Say, folder: Path) -> None:
    measured = json.loads((folder / "best/measurement.json").read_text())
    answer = json.loads(report("--json")[1])
    assert (answer["best"]["trial"], answer["test"]["accuracy"]) == (measured["trial"], measured["accuracy"])
    assert answer["report"] == str(folder / "report.html")


def test_json_names_what_is_missing(report: Say, folder: Path) -> None:
    (folder / "trials/0001/history.csv").unlink()
    answer = json.loads(report("--json")[1])
    assert answer["missing"] == [{"part": "trials/0001/history.csv", "problem": "is missing"}]


def test_a_grid_by_two_named_parameters(report: Say, folder: Path) -> None:
    report("--grid", "filters,optimizer")
    assert "Filters by optimizer, curve by curve" in (folder / "report.html").read_text()


@pytest.mark.parametrize("grid", ["filters", "filters,", "a,b,c"])
def test_a_grid_of_other_than_two_parameters_is_refused(report: Say, grid: str) -> None:
    code, _, told = report("--grid", grid)
    assert (code, told) == (
        2,
        f"error: invalid --grid {grid!r}: expected two parameters, such as learning_rate,dropout\n",
    )


def test_an_unknown_parameter_of_the_grid_gets_the_nearest(report: Say) -> None:
    code, _, told = report("--grid", "filters,optimiser")
    assert code == 2
    assert "unknown parameter 'optimiser'. Did you mean 'optimizer'?" in told


def test_a_report_that_can_not_be_written_is_one_error_and_the_older_one_stays(
    report: Say, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    (folder / "report.html").write_text("older")
    monkeypatch.setattr(reports.pages.page, "write_whole", full)
    code, out, told = report()
    assert (code, out) == (5, "")
    assert told.startswith(f"error: can't write the report in {folder}: No space left on device; an older one stays")
    assert (folder / "report.html").read_text() == "older"


def test_watching_a_study_that_nobody_runs_writes_once_and_says_so(report: Say, folder: Path) -> None:
    code, out, told = report("--watch")
    assert (code, out) == (0, f"{folder / 'report.html'}\n")
    assert told == "study 'digits' is not being searched on this machine: its report is written once\n"


def test_watching_ends_in_order_with_ctrl_c(report: Say, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(*_: object) -> Iterator[None]:
        yield
        raise KeyboardInterrupt

    monkeypatch.setattr("search.results.report.changes", pressed)
    with filelock.FileLock(folder / ".lock"):
        code, out, told = report("--watch")
    assert (code, out) == (0, f"{folder / 'report.html'}\n")
    assert "until the search ends; Ctrl-C to stop" in told


def move_database(folder: Path, reference: str) -> None:
    """Let a study's settings say that its database is elsewhere."""
    plain = json.loads((folder / "settings.json").read_text())
    plain["settings"]["storage"] = reference
    (folder / "settings.json").write_text(json.dumps(plain))


def test_a_study_in_a_database_elsewhere_is_read_by_its_reference(
    report: Say, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "study.db").rename(tmp_path / "elsewhere.db")
    move_database(folder, "env:TAMIZ_STORAGE")
    monkeypatch.setenv("TAMIZ_STORAGE", f"sqlite:///{tmp_path / 'elsewhere.db'}")
    answer = json.loads(report("--json")[1])
    assert answer["missing"] == []
    assert answer["importances"] != {}


@pytest.mark.slow
def test_a_study_on_a_server_is_read_and_its_password_stays_out(
    report: Say, folder: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEAM_DATABASE", postgres.url)
    with study_storage(f"sqlite:///{folder / 'study.db'}") as here, study_storage(postgres.url) as there:
        optuna.copy_study(from_study_name="digits", from_storage=here, to_storage=there)
    (folder / "study.db").unlink()
    move_database(folder, "env:TEAM_DATABASE")
    answer = json.loads(report("--json")[1])
    assert (answer["missing"], bool(answer["importances"])) == ([], True)
    assert postgres.password not in (folder / "report.html").read_text()


def test_without_its_database_the_report_is_written_and_the_reason_told(report: Say, folder: Path) -> None:
    move_database(folder, "env:TAMIZ_NOT_SET")
    code, _, told = report()
    assert code == 0
    assert told.startswith("the study's database can't be read, so the report is written without it: ")
    assert "TAMIZ_NOT_SET, which is not set" in told


def test_a_missing_database_elsewhere_is_not_made(report: Say, folder: Path, tmp_path: Path) -> None:
    move_database(folder, f"sqlite:///{tmp_path / 'absent.db'}")
    report()
    assert not (tmp_path / "absent.db").exists()
