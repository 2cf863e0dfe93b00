"""A report is written again whenever what is stored changes, until the search ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from search.report_watch import SHORTEST_PAUSE_SECONDS, changes, stored_state
from search.run_folder import RunFolder


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
