"""Errors of SQLAlchemy and Optuna, as the storage raises them."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
import sqlalchemy
from sqlalchemy import exc as sql_errors

from search.storage.database import study_storage
from search.storage.errors import DatabaseError, DatabaseUnavailableError, database_errors
from search.storage.url import reference_for


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (sql_errors.OperationalError, DatabaseUnavailableError),
        (sql_errors.InterfaceError, DatabaseUnavailableError),
        (sql_errors.ProgrammingError, DatabaseError),
        (sql_errors.IntegrityError, DatabaseError),
    ],
)
def test_only_a_database_that_may_come_back_is_unavailable(
    kind: type[sql_errors.DBAPIError], expected: type[DatabaseError]
) -> None:
    with pytest.raises(DatabaseError, match="^database error: connection refused$") as raised, database_errors():
        raise kind("INSERT ...", None, RuntimeError("connection refused\nIs the server running?"))
    assert (type(raised.value), raised.value.reason) == (expected, "connection refused")


def test_a_password_is_not_repeated() -> None:
    reference_for("postgresql://me:hidden-word@host/studies", environment={})
    with pytest.raises(DatabaseError, match=r"no entry for \*\*\*") as raised, database_errors():
        raise sql_errors.OperationalError("SELECT 1", None, RuntimeError("no entry for hidden-word"))
    assert "hidden-word" not in str(raised.value)


def test_what_optuna_reports_is_the_cause_and_not_its_guess(tmp_path: Path) -> None:
    with study_storage(f"sqlite:///{tmp_path / 'study.db'}") as storage:
        study = optuna.create_study(storage=storage)
        with storage.engine.begin() as connection:
            connection.execute(sqlalchemy.text("DROP TABLE study_user_attributes"))
        with (
            pytest.raises(DatabaseError, match="^database error: no such table: study_user_attributes$"),
            database_errors(),
        ):
            study.set_user_attr("a", 1)


def test_what_fails_while_a_storage_is_open_is_translated(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailableError), study_storage(f"sqlite:///{tmp_path / 'study.db'}"):
        raise sql_errors.OperationalError("COMMIT", None, RuntimeError("database is locked"))


def test_other_errors_pass() -> None:
    with pytest.raises(ZeroDivisionError), database_errors():
        _ = 1 / 0
