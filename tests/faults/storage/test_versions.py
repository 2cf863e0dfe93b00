"""Row 25 of the fault table: a study that another version of Optuna, or of Tamiz, made.

A database of an older release is refused with the command that upgrades it, after which all trials are as they were.
A newer one is left alone, and the error names what it needs.
"""

from __future__ import annotations

import json
import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import optuna
import pytest

from search.results.run_folder import RunFolder
from search.results.status import read_settings
from search.storage.database import open_storage, study_storage
from search.study.stored import open_stored_study
from spaces.errors import StudyConflictError
from tests.search.fixtures.toy import toy_settings
from tests.search.results.test_status import _study

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


def make_old(database: Path) -> None:
    """Turn a file of today into one that Optuna 3.1 made."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DROP INDEX ix_trials_study_id")
        connection.execute("UPDATE alembic_version SET version_num = 'v3.0.0.d'")
        connection.execute("UPDATE version_info SET library_version = '3.1.0'")


def test_a_study_of_an_older_release_is_refused_with_the_command_that_upgrades_it(folder: RunFolder) -> None:
    url = f"sqlite:///{folder.database}"
    trials = trials_of(url)
    make_old(folder.database)
    before = folder.database.read_bytes()
    with pytest.raises(StudyConflictError) as raised:
        open_storage(url)
    refusal, _, command = str(raised.value).partition("\nCopy the database, then run: ")
    assert refusal == f"{url} was made by optuna 3.1.0, with an older schema version (v3.0.0.d)"
    assert (folder.database.read_bytes(), raised.value.exit_code) == (before, 4)
    program, *rest = shlex.split(command)
    subprocess.run([Path(sys.executable).with_name(program), *rest], check=True, capture_output=True, timeout=120)
    assert trials_of(url) == trials


def test_a_database_without_a_schema_version_counts_as_the_oldest(folder: RunFolder) -> None:
    with closing(sqlite3.connect(folder.database)) as database, database:
        database.execute("DROP TABLE alembic_version")
    with pytest.raises(StudyConflictError, match=r"with an older schema version \(v0\.9\.0\.a\)"):
        open_storage(f"sqlite:///{folder.database}")


def test_a_study_of_a_newer_release_is_refused_with_what_it_needs_and_left_alone(folder: RunFolder) -> None:
    with closing(sqlite3.connect(folder.database)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = 'v99.1.0.a'")
        database.execute("UPDATE version_info SET library_version = '99.2.0'")
    before = folder.database.read_bytes()
    with pytest.raises(StudyConflictError) as raised:
        open_storage(f"sqlite:///{folder.database}")
    made, needs = "was made by optuna 99.2.0, with a newer schema version (v99.1.0.a)", "it needs optuna >= 99.1"
    assert f"{made}: {needs}; installed is {optuna.__version__}" in str(raised.value)
    assert (folder.database.read_bytes(), raised.value.exit_code) == (before, 4)


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
