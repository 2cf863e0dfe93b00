"""Rows 10 and 23 of the fault table: a study's file is no study, or is somebody's.

Given a path where a study should be; the fault is what lies there; the person reads what it is before any work is
done, and what lies there is afterwards byte for byte what it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import filelock
import pytest

from search.driver.run import run_search
from search.storage.database import open_storage, study_storage
from spaces.errors import StorageError, StudyConflictError, TamizError, UsageError
from tests.search.fixtures.toy import ListeningProgress, toy_settings, toy_space


def _text(path: Path) -> None:
    path.write_text("dear diary, " * 100)


def _folder(path: Path) -> None:
    path.mkdir()


def _cut_short(path: Path) -> None:
    with study_storage(f"sqlite:///{path}"):
        pass
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize(
    ("lay", "error", "said"),
    [
        (_text, UsageError, "is not an Optuna study: file is not a database"),
        (_folder, StorageError, "cannot open the study database .*unable to open database file"),
        (_cut_short, TamizError, "database disk image is malformed"),
        (lambda path: None, StorageError, "unable to open database file"),
    ],
    ids=["a text", "a folder", "a database cut short", "in a folder that is not there"],
)
def test_what_is_no_study_is_said_and_left_alone(
    tmp_path: Path, lay: Callable[[Path], None], error: type[TamizError], said: str
) -> None:
    path = tmp_path / "study.db"
    lay(path)
    place = path if path.exists() else tmp_path / "missing" / "study.db"
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(error, match=said):
        open_storage(f"sqlite:///{place}")
    assert (path.read_bytes() if path.is_file() else None) == before


def _begin(folder: Path, *, storage: str | None = None) -> None:
    settings = replace(toy_settings(runs=str(folder)), executor="inline", storage=storage)
    run_search(settings, space=toy_space(), progress=ListeningProgress(), command="run")


@pytest.mark.parametrize(
    "lose",
    [lambda path: None, lambda path: path.touch(), lambda path: path.symlink_to(path.with_name("elsewhere.db"))],
    ids=["removed", "zero bytes", "a link that leads nowhere"],
)
def test_results_whose_database_was_lost_are_not_trained_again(tmp_path: Path, lose: Callable[[Path], None]) -> None:
    result = tmp_path / "toy" / "trials" / "0000" / "result.json"
    result.parent.mkdir(parents=True)
    result.write_text("of trial 0")
    lose(tmp_path / "toy" / "study.db")
    with pytest.raises(StudyConflictError, match="'toy' has no trials in its database, but .* has the results of 1: "):
        _begin(tmp_path)
    assert result.read_text() == "of trial 0"


def test_a_database_that_may_only_be_read_is_said_before_any_work(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    with study_storage(f"sqlite:///{path}"):
        pass
    before = path.read_bytes()
    with pytest.raises(StorageError, match="attempt to write a readonly database"):
        _begin(tmp_path, storage=f"sqlite:///file:{path}?mode=ro&uri=true")
    assert (path.read_bytes(), [*tmp_path.glob("toy/trials/*")]) == (before, [])


def test_a_study_that_another_process_runs_is_left_to_it(tmp_path: Path) -> None:
    settings = toy_settings(runs=str(tmp_path))
    (tmp_path / "toy").mkdir()
    with (
        filelock.FileLock(tmp_path / "toy" / ".lock"),
        pytest.raises(StudyConflictError, match="study 'toy' is being run by another process"),
    ):
        run_search(settings, space=toy_space(), progress=ListeningProgress(), command="run")
    assert not (tmp_path / "toy" / "settings.json").exists()
