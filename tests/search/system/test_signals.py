"""Ctrl-C, sent to a real search; `tests/faults/driver/test_stops.py` sends the other signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.search.driver.test_driver import SMALL_SPACE

pytestmark = pytest.mark.slow


def begin(folder: Path, *, executor: str) -> subprocess.Popen[str]:
    """Begin a search that would take very long, and wait until its first trial has ended."""
    (folder / "small.py").write_text(SMALL_SPACE)
    command = [sys.executable, "-m", "search", "run", "--space", str(folder / "small.py"), "--data", "digits"]
    options = ["--trials", "500", "--epochs", "2", "--executor", executor, "--study", "s", "--runs", str(folder)]
    running = subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True, env=os.environ.copy())
    assert running.stderr is not None
    for line in running.stderr:
        if line.startswith("[1/500]"):
            return running
    raise AssertionError(f"the search ended by itself with {running.wait()}")


@pytest.mark.parametrize("executor", ["inline", "ray"])
def test_ctrl_c_stops_in_order_and_the_study_goes_on_later(tmp_path: Path, executor: str) -> None:
    running = begin(tmp_path, executor=executor)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    ended = len(list(tmp_path.glob("s/trials/*/result.json")))
    resumed = subprocess.run(
        [
            *(sys.executable, "-m", "search", "resume", "s", "--runs", str(tmp_path), "--json"),
            "--trials",
            str(ended + 1),
        ],
        capture_output=True,
        check=True,
        timeout=180,
    )
    assert running.returncode == 130
    resume, report = said.splitlines()[-2:]  # the report's path is on stdout
    assert resume.startswith("resume with: python -m search resume s --runs")
    assert report == "report:"
    assert json.loads(resumed.stdout)["trials"]["running"] == 0
    assert (tmp_path / "s" / "report.html").exists()
