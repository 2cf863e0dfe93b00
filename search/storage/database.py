"""Opens the study's database, or refuses it with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import optuna
import sqlalchemy
from optuna.storages import RDBStorage
from sqlalchemy import exc as sql_errors

from search.storage.errors import database_errors, reason
from search.storage.schema import check_schema
from spaces.errors import StorageError, UsageError

_connect_seconds = 10
_answer_seconds = 30
"""Longest time for one answer of MySQL; for PostgreSQL see `search.storage.postgres`."""


@contextmanager
def study_storage(url: str) -> Iterator[RDBStorage]:
    """Open, or make, the database behind an Optuna storage URL; its connections are closed on leaving.

    Args and raises: as `open_storage`; what fails inside, when the database is used, is raised as `DatabaseError`.
    """
    storage = open_storage(url)
    try:
        with database_errors():
            yield storage
    finally:
        storage.remove_session()
        storage.engine.dispose()


def open_storage(url: str) -> RDBStorage:
    """Open, or make, the database behind an Optuna storage URL.

    SQLite uses write-ahead logging and waits for locks; connections to servers are checked before each use.

    Args:
        url: including its password.

    Raises:
        UsageError: the URL is invalid, its driver is not installed, or the file is not a database.
        StorageError: the server can't be reached, or the file can't be opened.
        StudyConflictError: the database was made by another version of Optuna.
    """
    try:
        shown = sqlalchemy.make_url(url).render_as_string(hide_password=True)
        sqlite = url.startswith("sqlite")
        _check_schema(url, shown=shown)
        storage = RDBStorage(
            url.replace("{", "{{").replace("}", "}}"),  # Optuna formats the URL
            engine_kwargs=_engine_options(url),
        )
        if sqlite:
            with storage.engine.connect() as connection:
                connection.execute(sqlalchemy.text("PRAGMA journal_mode=WAL"))
            sqlalchemy.event.listen(storage.engine, "connect", _set_pragmas)
            storage.engine.dispose()
    except sql_errors.ArgumentError:
        raise UsageError(
            f"{_shorten(url)!r} is an invalid storage URL: expected sqlite:///path/to/study.db or postgresql://user@host/database"
        ) from None
    except (sql_errors.NoSuchModuleError, ModuleNotFoundError, ImportError) as error:
        raise UsageError(
            f"no driver for {shown} ({error}); install one: pip install 'tamiz[postgres]' or 'tamiz[mysql]'"
        ) from None
    except sql_errors.OperationalError as error:
        raise StorageError(f"cannot open the study database {shown}: {reason(error)}") from None
    except sql_errors.DatabaseError as error:
        raise UsageError(f"{shown} is not an Optuna study: {reason(error)}") from None
    return storage


def name_only_study(storage: RDBStorage, name: str) -> None:
    """Give the study of a run folder's own database the folder's name, which differs once it was renamed or copied."""
    names = optuna.get_all_study_names(storage)
    if len(names) == 1 and names != [name]:
        with storage.engine.begin() as connection:
            connection.execute(sqlalchemy.text("UPDATE studies SET study_name = :name"), {"name": name})


def _check_schema(url: str, *, shown: str) -> None:
    engine = bare_engine(url)
    try:
        check_schema(engine, shown=shown)
    finally:
        engine.dispose()


def bare_engine(url: str) -> sqlalchemy.Engine:
    """Return an engine for use beside Optuna; it does not keep connections that are closed."""
    options = _engine_options(url) | {"poolclass": sqlalchemy.NullPool, "pool_pre_ping": False}
    return sqlalchemy.create_engine(url, **options)


def _engine_options(url: str) -> dict[str, Any]:
    if not url.startswith("postgresql"):
        return {"connect_args": _connect_options(url), "pool_pre_ping": not url.startswith("sqlite")}
    from search.storage.postgres import connector

    options = _connect_options(url)
    creator = connector(url, options)
    return {"pool_pre_ping": True} | ({"connect_args": options} if creator is None else {"creator": creator})


def _connect_options(url: str) -> dict[str, int]:
    """Return options of the database driver that detect a lost server within a minute."""
    if url.startswith("sqlite"):
        return {"timeout": 60}
    if url.startswith("postgres"):
        kept_alive = {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
        return {"connect_timeout": _connect_seconds, "tcp_user_timeout": 30_000, **kept_alive}
    if "pymysql" in url:
        return {"connect_timeout": _connect_seconds, "read_timeout": _answer_seconds, "write_timeout": _answer_seconds}
    return {}


def _set_pragmas(connection: object, _record: object) -> None:
    # Results are on disk as files before they come here, so the database may lose the last ones in a power cut.
    connection.execute("PRAGMA synchronous=NORMAL")  # type: ignore[attr-defined]
    # Longer locks are left to `search.storage.retry`, which does not keep the workers waiting.
    connection.execute("PRAGMA busy_timeout=2000")  # type: ignore[attr-defined]


def _shorten(url: str) -> str:
    return url.partition("@")[2] or url if "@" in url else url[:60]
