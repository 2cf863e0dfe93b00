"""Checks which version of Optuna made a database, from the database's own tables.

This happens before Optuna opens the database: it adds missing tables to an old one before it refuses it.
"""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import sqlalchemy
from alembic.script import ScriptDirectory
from optuna.storages._rdb import models, storage
from sqlalchemy import Engine

from spaces.errors import StudyConflictError

_release = re.compile(r"v(\d+)\.(\d+)\..*")


def check_schema(engine: Engine, *, shown: str) -> None:
    """Check that the installed Optuna can use a database's tables; an empty database passes.

    Args:
        engine: opens the database.
        shown: the database's URL without a password.

    Raises:
        StudyConflictError: the tables have an older schema version, or a newer one.
        sqlalchemy.exc.DBAPIError: the database can't be read.
    """
    tables = set(sqlalchemy.inspect(engine).get_table_names())
    revision = library = None
    with engine.connect() as connection:
        if "alembic_version" in tables:
            revision = connection.execute(sqlalchemy.text("SELECT version_num FROM alembic_version")).scalar()
        if models.VersionInfoModel.__tablename__ in tables:
            library = connection.execute(sqlalchemy.select(models.VersionInfoModel.library_version)).scalar()
    if revision is None and library is None:
        return
    newest, *older = _known_revisions()
    revision = revision or older[-1]  # tables from before Optuna numbered them
    if revision == newest:
        return
    made = f"{shown} was made by optuna {library or 'of an unknown version'}"
    if revision in older:
        raise StudyConflictError(
            f"{made}, with an older schema version ({revision})\n"
            f"Copy the database, then run: optuna storage upgrade --storage {shown}"
        )
    release = _release.fullmatch(revision)
    needed = ".".join(release.groups()) if release else library
    raise StudyConflictError(
        f"{made}, with a newer schema version ({revision}): it needs optuna >= {needed}; "
        f"installed is {version('optuna')}\nRun pip install 'optuna>={needed}', or choose another --study"
    )


def _known_revisions() -> list[str]:
    """Return the schema versions that the installed Optuna knows, newest first."""
    scripts = ScriptDirectory(str(Path(storage.__file__).with_name("alembic")))
    return [script.revision for script in scripts.walk_revisions()]
