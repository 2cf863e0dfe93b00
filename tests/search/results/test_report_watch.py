"""A report is written again whenever what is stored changes, until the search ends."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from search.results.report import SHORTEST_PAUSE_SECONDS, changes, stored_state
from search.results.run_folder import RunFolder
from tests.search.fixtures.finished_study import SPACE


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    (tmp_path / "settings.json").write_text("{}")
    return RunFolder(path=tmp_path)


def ended(folder: RunFolder, number: int) -> None:
    folder.trial(number).mkdir(parents=True)
    (folder.trial(number) / "result.json").write_text("{}")


def running_for(looks: int) -> Callable[[RunFolder], bool]:
    """A search that is found running so many times, then never again."""
    left = iter(range(looks))
    return lambda _: next(left, None) is not None


def test_each_change_is_told_once(folder: RunFolder) -> None:
    pauses = iter([lambda: ended(folder, 0), lambda: None, lambda: ended(folder, 1), lambda: None])
    known = stored_state(folder)
    told = [None for _ in changes(folder, known, is_running=running_for(4), pause=lambda _: next(pauses)())]
    assert len(told) == 2


def test_what_is_stored_as_the_search_ends_is_told(folder: RunFolder) -> None:
    known = stored_state(folder)
    told = changes(folder, known, is_running=running_for(1), pause=lambda _: ended(folder, 0))
    assert len(list(told)) == 1


def test_the_report_itself_is_no_change(folder: RunFolder) -> None:
    known = stored_state(folder)

    def write(_: float) -> None:
        (folder.path / "report.html").write_text("new")

    assert list(changes(folder, known, is_running=running_for(2), pause=write)) == []


def test_a_change_since_the_known_state_is_told_at_once(folder: RunFolder) -> None:
    known = stored_state(folder)
    ended(folder, 0)
    assert len(list(changes(folder, known, is_running=running_for(0)))) == 1


def test_between_looks_it_pauses(folder: RunFolder) -> None:
    pauses: list[float] = []
    list(changes(folder, stored_state(folder), is_running=running_for(2), pause=pauses.append))
    assert pauses == [SHORTEST_PAUSE_SECONDS] * 2


HOUSE = Path(__file__).parents[3]


def tamiz(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    """Start a command of ours."""
    return subprocess.Popen(
        [sys.executable, "-m", "search", *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(HOUSE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_a_running_search_is_followed_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "small.py").write_text(SPACE)
    options = ["--trials", "6", "--epochs", "6", "--pruner", "none", "--executor", "inline", "--study", "small"]
    search = tamiz("run", "--space", "small.py", "--data", "digits", *options, cwd=tmp_path)
    folder, pages = tmp_path / "runs/small", list[str]()
    watch = None
    try:
        while search.poll() is None:
            if watch is None and (folder / "trials/0000/result.json").is_file():
                watch = tamiz("report", "small", "--watch", "--json", cwd=tmp_path)
            if (folder / "report.html").is_file():
                pages.append((folder / "report.html").read_text())
            time.sleep(0.05)
        assert watch is not None
        out, err = watch.communicate(timeout=120)
    finally:
        for process in (search, watch):
            if process is not None:
                process.kill()  # does nothing to one that has ended
                process.communicate()
    shown = [int(found[1]) for page in pages if (found := re.search(r"<dt>Trials</dt>\s*<dd>(\d+)</dd>", page))]
    assert (search.returncode, watch.returncode) == (0, 0), err
    assert all(page.rstrip().endswith("</html>") for page in pages)
    assert len(shown) == len(pages)
    assert shown == sorted(shown)
    assert 1 <= shown[0] < 6
    answer = json.loads(out)
    assert (answer["cost"]["complete"], answer["missing"]) == (6, [])
    assert "is written again whenever results change, until the search ends" in err
