"""Bringing a study's database up to date with the Optuna that is installed, after a backup was made."""

from __future__ import annotations

import contextlib
import logging
import shlex
import shutil
import sqlite3
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from sqlalchemy import Engine

from objectives.files.atomic import whole_file
from search.lease.folder_lock import Holder, lease
from search.results.run_folder import RunFolder
from search.results.status import read_settings
from search.storage.database import bare_engine, open_storage
from search.storage.schema import UPGRADE, Schema, read_schema
from search.storage.url import resolve_storage
from spaces.errors import StorageError, StudyConflictError

_rows_at_once = 10_000


@dataclass(frozen=True, kw_only=True)
class Upgraded:
    """What became of a database."""

    before: Schema
    after: Schema
    backup: Path | None
    """An SQLite file of what was there before; None: there was nothing to do."""

    @property
    def text(self) -> str:
        """What a person reads."""
        if self.backup is None:
            return f"the database is up to date ({self.after.revision}); nothing was changed"
        return (
            f"the database was upgraded from {self.before.revision} (optuna {self.before.library}) "
            f"to {self.after.revision} (optuna {self.after.library})\nbackup: {self.backup}"
        )


def upgrade_command(study: str, runs: str) -> str:
    """Return the command that brings a study's database up to date."""
    return f"{UPGRADE} {study}" + ("" if runs == "runs" else f" --runs {shlex.quote(runs)}")


def upgrade(folder: RunFolder, *, storage: str | None) -> Upgraded:
    """Upgrade a study's database, with all studies that are in it.

    Args:
        folder: the study's; the backup goes there.
        storage: the database, if not the one that the study's settings name.

    Raises:
        StudyConflictError: the study is being run, its database is of a newer Optuna, or can't be upgraded; it is as
            it was then.
        StorageError: the database, or the disk, gave up.
        UsageError: the folder is no run.
    """
    run = read_settings(folder)
    reference = storage or run.settings.get("storage")
    url = resolve_storage(reference) if isinstance(reference, str) else f"sqlite:///{folder.database}"
    shown = sqlalchemy.make_url(url).render_as_string(hide_password=True)
    holder = Holder.this()
    with lease(folder.path, run.study, holder), _engine(url, shown) as engine:
        before = read_schema(engine)
        if before is None:
            raise StudyConflictError(f"{shown} holds no study yet; nothing was changed")
        if before.is_current:
            return Upgraded(before=before, after=before, backup=None)
        if not before.is_older:
            before.refuse_unless_current(shown, upgrade=upgrade_command(run.study, str(folder.path.parent)))
        backup = _back_up(engine, folder, before)
        engine.dispose()
        try:
            _upgrade(url)
        except Exception as error:  # a migration may fail in any way; what it leaves is no study
            back = _put_back(engine, backup)
            raise StudyConflictError(f"{shown} can't be upgraded: {_first_line(error)}\n{back}") from error
        after = read_schema(engine)
        assert after is not None
        open_storage(url).engine.dispose()  # as a search would
        return Upgraded(before=before, after=after, backup=backup)


@contextlib.contextmanager
def _engine(url: str, shown: str) -> Iterator[Engine]:
    engine = bare_engine(url)
    try:
        yield engine
    except sqlalchemy.exc.DBAPIError as error:
        raise StorageError(f"the database {shown} gave up: {_first_line(error)}") from error
    except OSError as error:
        raise StorageError(f"the backup of {shown} can't be written: {error.strerror or error}") from error
    finally:
        engine.dispose()


def _back_up(engine: Engine, folder: RunFolder, schema: Schema) -> Path:
    """Write all that Optuna keeps in a database into an SQLite file of its own, and return where."""
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    backup = folder.path / f"study-{schema.revision}-{moment}.db"
    with tempfile.TemporaryDirectory(dir=folder.path, prefix=".backup-") as beside:
        place = Path(beside, "study.db")
        if engine.dialect.name == "sqlite":
            _copy_pages(str(engine.url.database), str(place))
        else:
            _copy_rows(engine, place)
        with place.open("rb") as made, whole_file(backup) as file:
            shutil.copyfileobj(made, file)
    return backup


def _copy_rows(engine: Engine, place: Path) -> None:
    tables = sqlalchemy.MetaData()
    optuna_s = {*models.BaseModel.metadata.tables, "alembic_version"}
    tables.reflect(engine, only=lambda name, _: name in optuna_s)
    for table in tables.tables.values():
        for column in table.columns:
            column.type, column.server_default = column.type.as_generic(), None
    copy = sqlalchemy.create_engine(f"sqlite:///{place}")
    with engine.connect() as source, copy.begin() as target:
        tables.create_all(target)
        for table in tables.sorted_tables:
            found = source.execution_options(yield_per=_rows_at_once).execute(sqlalchemy.select(table))
            for rows in found.mappings().partitions():
                target.execute(table.insert(), [dict(row) for row in rows])
    copy.dispose()


def _copy_pages(source: str, target: str) -> None:
    with contextlib.closing(sqlite3.connect(source)) as one, contextlib.closing(sqlite3.connect(target)) as other:
        one.backup(other)


def _upgrade(url: str) -> None:
    logging.getLogger().addHandler(quiet := logging.NullHandler())  # else Alembic sets up logging of its own
    try:
        storage = RDBStorage(
            url.replace("{", "{{").replace("}", "}}"), skip_compatibility_check=True, skip_table_creation=True
        )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Optuna reads ranges by names that it has given up since
                storage.upgrade()
        finally:
            storage.remove_session()
            storage.engine.dispose()
    finally:
        logging.getLogger().removeHandler(quiet)


def _put_back(engine: Engine, backup: Path) -> str:
    """Undo a half upgrade where that is possible, and say what is there."""
    if engine.dialect.name != "sqlite":
        return f"What was in it before is in {backup}; put it back with the server's own backup."
    _copy_pages(str(backup), str(engine.url.database))
    return f"It is as it was; there is a backup, too: {backup}"


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0] or type(error).__name__
