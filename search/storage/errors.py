"""Errors of the study's database, translated from those of SQLAlchemy and Optuna.

StorageError
└── DatabaseError               the database refuses what it is given, or is damaged
    └── DatabaseUnavailableError    it can't be reached, or is locked: trying again may help
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from optuna.exceptions import StorageInternalError
from sqlalchemy import exc as sql_errors

from search.storage.url import without_secrets
from spaces.errors import StorageError, first_line


class DatabaseError(StorageError):
    """The study's database failed; `reason` is the driver's message, in one line and without passwords."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"database error: {reason}")
        self.reason = reason


class DatabaseUnavailableError(DatabaseError):
    """The study's database can't be reached, or is locked: trying again may help."""


@contextmanager
def database_errors() -> Iterator[None]:
    """Raise errors of SQLAlchemy, and of Optuna's storage, as `DatabaseError`."""
    try:
        yield
    except (sql_errors.SQLAlchemyError, StorageInternalError) as error:
        # Optuna's own message blames the values that it stores, whatever happened.
        cause = error.__cause__ if isinstance(error, StorageInternalError) else error
        is_transient = isinstance(cause, (sql_errors.OperationalError, sql_errors.InterfaceError))
        kind = DatabaseUnavailableError if is_transient else DatabaseError
        raise kind(reason(cause or error)) from error


def reason(error: BaseException) -> str:
    """Return the first line of what the database's driver reported, without passwords."""
    original = getattr(error, "orig", None) or error
    return without_secrets(first_line(original))
