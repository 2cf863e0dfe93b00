"""A run folder that may only be read: what can be told is told, and what would write ends in one error."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.needs import UNPRIVILEGED, not_here
from tests.reports.run_folders import write_run

HOUSE = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A finished study with a report, in which nothing may be written."""
    if os.geteuid() == 0 and shutil.which(UNPRIVILEGED[0]) is None:
        not_here(UNPRIVILEGED[0], debian_package="util-linux")
    run = write_run(tmp_path_factory.mktemp("runs") / "digits", trials=2, distinct=2)
    (run / "report.html").write_text("older")
    folders = [run, *(path for path in run.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(0o555)
    yield run
    for path in folders:
        path.chmod(0o755)


def tamiz(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*(UNPRIVILEGED if os.geteuid() == 0 else ()), sys.executable, "-m", "search", *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(HOUSE)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_report_is_one_error_and_the_older_one_stays(folder: Path, tmp_path: Path) -> None:
    done = tamiz("report", str(folder), "--lite", cwd=tmp_path)
    told = f"error: can't write the report in {folder}: Permission denied; an older one stays as it was\n"
    assert (done.returncode, done.stdout, done.stderr) == (5, "", told)
    assert (folder / "report.html").read_text() == "older"


def test_the_status_is_told(folder: Path, tmp_path: Path) -> None:
    done = tamiz("status", str(folder), cwd=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "study digits: done"), done.stderr


def test_a_trial_is_exported_elsewhere(folder: Path, tmp_path: Path) -> None:
    done = tamiz("export", str(folder), "--to", "taken", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "taken").iterdir()} == {"train.py", "model_card.md", "trials.csv"}


def test_the_dashboard_is_one_error(folder: Path, tmp_path: Path) -> None:
    done = tamiz("dashboard", str(folder), cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (5, "", 1)
    assert done.stderr.startswith("error: cannot open the study database sqlite:///")
