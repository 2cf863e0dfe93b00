"""Whatever ends a search, its end is told: as an exit code, a reason, and a way to go on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from search.cli.options import resolve
from search.cli.run import search_to_end
from search.progress.display import QuietProgress
from search.results.summary import RunSummary
from spaces.errors import StorageError, StudyConflictError
from tests.search.fixtures.progress_plan import ended
from tests.search.results.test_status import _study


def _explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> RunSummary:
    def fail(*_arguments: object, **_options: object) -> RunSummary:
        raise error

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("search.driver.run.run_search", fail)
    _study(tmp_path / "runs", ended(0))
    resolved = resolve({"space": "cnn_cifar", "data": "digits", "study": "toy"}, file=None)
    with (tmp_path / "out").open("w") as out:
        return search_to_end(resolved, QuietProgress(out))


def test_an_error_ends_with_its_code_and_what_was_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = _explained(tmp_path, monkeypatch, StorageError("disk full"))

    assert (summary.exit_code, summary.reason) == (5, "disk full")
    assert summary.resume_command == "python -m search resume toy"
    assert summary.trials is not None
    assert summary.trials.complete == 1


def test_an_error_that_nobody_foresaw_is_kept_in_the_run_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = _explained(tmp_path, monkeypatch, ZeroDivisionError("oh"))

    assert summary.exit_code == 1
    assert summary.reason is not None
    assert summary.reason.startswith("internal error: ZeroDivisionError: oh\nThe full traceback is in runs/toy/crash")
    assert "Traceback" in (tmp_path / "runs" / "toy" / "crash.txt").read_text()


def test_ctrl_c_before_the_loop_ends_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = _explained(tmp_path, monkeypatch, KeyboardInterrupt())

    assert (summary.status, summary.exit_code, summary.resumable) == ("stopped", 130, True)


def test_a_refused_command_has_no_results_of_an_earlier_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = _explained(tmp_path, monkeypatch, StudyConflictError("other settings"))

    assert summary == RunSummary(study="toy", status="failed", exit_code=4, reason="other settings")


def test_the_report_of_an_earlier_run_is_not_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "runs" / "toy"
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("old")
    os.utime(folder / "report.html", (1, 1))

    assert _explained(tmp_path, monkeypatch, StudyConflictError("other settings")).report is None


def test_continuing_a_study_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _explained(tmp_path, monkeypatch, StorageError("disk full"))

    assert (tmp_path / "out").read_text() == "continuing study toy in runs\n"
