"""Row 25 of the fault table: a study that another version of Optuna, or of Tamiz, made.

Given a database of an older release; the person reads which command brings it up to date; that makes a backup first,
and all trials are as they were. A newer one is left alone, and the person reads what it needs.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import optuna
import pytest
import sqlalchemy
from optuna.storages import RDBStorage

from search.cli.app import run_command_line
from search.lease.folder_lock import Holder, lease
from search.results.run_folder import RunFolder
from search.results.status import read_settings
from search.storage.database import open_storage, study_storage
from search.storage.schema import Schema
from search.storage.upgrade import upgrade
from search.study.stored import open_stored_study
from spaces.errors import StudyConflictError
from tests.search.fixtures.old_databases import RELEASES, make_old
from tests.search.fixtures.toy import toy_settings
from tests.search.results.test_status import _study
from tests.servers.postgres import PostgresServer

Trial = tuple[object, ...]


def fill(url: str) -> None:
    """Enter a study of three trials, one of which is under way."""
    with study_storage(url) as storage:
        study = optuna.create_study(study_name="toy", storage=storage, direction="maximize")
        for number in range(3):
            trial = study.ask()
            trial.suggest_float("learning_rate", 1e-3, 1e-1, log=True)
            trial.suggest_int("filters", 1, 8)
            trial.suggest_categorical("output", ["softmax", "sigmoid"])
            trial.report(0.25 * number, 1)
            trial.set_user_attr("epochs", number)
            if number < 2:
                study.tell(trial, 0.5 * number)


def trials_of(url: str) -> list[Trial]:
    """Return what a database says of them."""
    with study_storage(url) as storage:
        study = optuna.load_study(study_name="toy", storage=storage)
        return [
            (one.number, one.state, one.params, one.distributions, one.values, one.intermediate_values, one.user_attrs)
            for one in study.trials
        ]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A study of three trials."""
    study = _study(tmp_path)
    fill(f"sqlite:///{study.database}")
    return study


def revision_of(database: Path) -> str:
    """Return the form of a file's tables."""
    with closing(sqlite3.connect(database)) as connection:
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(revision)


@pytest.mark.parametrize("revision", RELEASES)
def test_a_study_of_an_older_release_is_named_with_the_command_that_brings_it_up_to_date(
    folder: RunFolder, revision: str
) -> None:
    url = f"sqlite:///{folder.database}"
    make_old(url, revision)
    before = folder.database.read_bytes()
    said = (
        rf"study\.db was made by optuna {RELEASES[revision]}, with tables of an older form \({revision}\); "
        r"run python -m search upgrade toy \(a backup is made\)"
    )
    with pytest.raises(StudyConflictError, match=said):
        open_storage(url, upgrade="python -m search upgrade toy")
    assert folder.database.read_bytes() == before


@pytest.mark.parametrize("revision", RELEASES)
def test_it_is_brought_up_to_date_with_all_its_trials_after_a_backup(
    folder: RunFolder, revision: str, capfd: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{folder.database}"
    before = trials_of(url)
    make_old(url, revision)
    capfd.readouterr()
    code = run_command_line(["upgrade", "toy", "--runs", str(folder.path.parent)])
    said = capfd.readouterr()
    (backup,) = folder.path.glob("study-*.db")
    assert (code, said.err) == (0, "")
    assert said.out.startswith(f"the database was upgraded from {revision} (optuna {RELEASES[revision]}) to v3.2.0.a ")
    assert said.out.endswith(f"backup: {backup}\n")
    assert (trials_of(url), revision_of(backup)) == (before, revision)


def test_a_backup_is_a_study_that_can_be_brought_up_to_date_itself(folder: RunFolder) -> None:
    url = f"sqlite:///{folder.database}"
    before = trials_of(url)
    make_old(url, "v2.6.0.a")
    backup = upgrade(folder, storage=None).backup
    assert backup is not None
    upgrade(folder, storage=f"sqlite:///{backup}")
    assert trials_of(f"sqlite:///{backup}") == before


def test_a_study_of_this_release_is_left_as_it_is(folder: RunFolder) -> None:
    before = folder.database.read_bytes()
    assert upgrade(folder, storage=None).text == "the database is up to date (v3.2.0.a); nothing was changed"
    assert (folder.database.read_bytes(), list(folder.path.glob("study-*"))) == (before, [])


@pytest.mark.parametrize("verb", ["upgrade", "resume"])
def test_a_study_of_a_newer_release_says_what_it_needs_and_is_left_alone(
    folder: RunFolder, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(folder.database)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = 'v99.1.0.a'")
        database.execute("UPDATE version_info SET library_version = '99.2.0'")
    before = folder.database.read_bytes()
    with pytest.raises(StudyConflictError) as raised:
        upgrade(folder, storage=None) if verb == "upgrade" else open_storage(f"sqlite:///{folder.database}")
    made, needs = "was made by optuna 99.2.0, with tables of a newer form (v99.1.0.a)", "it needs optuna >= 99.1"
    assert f"{made}: {needs}; here is {optuna.__version__}" in str(raised.value)
    assert folder.database.read_bytes() == before
    assert run_command_line(["upgrade", "toy", "--runs", str(folder.path.parent)]) == 4
    assert needs in capsys.readouterr().err


def test_an_upgrade_that_fails_leaves_the_study_as_it_was(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(self: RDBStorage) -> None:
        with self.engine.begin() as connection:
            connection.execute(sqlalchemy.text("DROP TABLE trial_values"))
        raise ValueError("Found invalid trial_values records")

    url = f"sqlite:///{folder.database}"
    before = trials_of(url)
    make_old(url, "v2.6.0.a")
    with monkeypatch.context() as patch:
        patch.setattr(RDBStorage, "upgrade", half)
        with pytest.raises(StudyConflictError, match="can't be upgraded: Found invalid trial_values records\nIt is as"):
            upgrade(folder, storage=None)
    upgrade(folder, storage=None)
    assert trials_of(url) == before


def test_a_study_that_is_being_run_is_not_upgraded(folder: RunFolder) -> None:
    make_old(f"sqlite:///{folder.database}", "v3.0.0.d")
    holder = Holder.this()
    with (
        lease(folder.path, "toy", holder),
        pytest.raises(StudyConflictError, match="is being run by pid"),
    ):
        upgrade(folder, storage=None)
    assert revision_of(folder.database) == "v3.0.0.d"


def test_a_study_of_a_newer_tamiz_is_left_to_it(folder: RunFolder) -> None:
    with study_storage(f"sqlite:///{folder.database}") as storage:
        optuna.load_study(study_name="toy", storage=storage).set_user_attr("tamiz:format", 2)
        with pytest.raises(StudyConflictError, match="study 'toy' is of format 2 in its database; this Tamiz knows"):
            open_stored_study(storage, toy_settings())


def test_a_run_folder_of_a_newer_tamiz_is_left_to_it(folder: RunFolder) -> None:
    file = folder.path / "settings.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"schema": 2}))
    with pytest.raises(StudyConflictError, match="is of format 2; this Tamiz reads formats up to 1. Update Tamiz"):
        read_settings(folder)


def test_a_database_before_there_were_forms_is_the_oldest() -> None:
    assert Schema(revision="v0.9.0.a", library="0.9.0").is_older


@pytest.mark.slow
def test_a_server_s_studies_are_backed_up_in_a_file_first(folder: RunFolder, postgres: PostgresServer) -> None:
    fill(postgres.url)
    before = trials_of(postgres.url)
    make_old(postgres.url, "v3.0.0.d")
    done = upgrade(folder, storage=postgres.url)
    assert done.backup is not None
    upgrade(folder, storage=f"sqlite:///{done.backup}")
    assert (trials_of(postgres.url), trials_of(f"sqlite:///{done.backup}")) == (before, before)
