"""Which version of Optuna made a database, from its own tables, before anything touches them."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import sqlalchemy
from alembic.script import ScriptDirectory
from optuna.storages._rdb import models, storage
from sqlalchemy import Engine

from spaces.errors import StudyConflictError

UPGRADE = "python -m search upgrade"
_release = re.compile(r"v(\d+)\.(\d+)\..*")


@dataclass(frozen=True, kw_only=True)
class Schema:
    """The tables of an Optuna database."""

    revision: str
    """Of the tables, named after the release that brought them: "v3.0.0.d"."""
    library: str
    """Version of the Optuna that made, or last upgraded, the database."""

    @property
    def is_current(self) -> bool:
        """Whether the Optuna that is installed uses such tables."""
        return self.revision == _revisions()[0]

    @property
    def is_older(self) -> bool:
        """Whether it can bring them up to date."""
        return self.revision in _revisions()[1:]

    def refuse_unless_current(self, shown: str, *, upgrade: str) -> None:
        """Refuse tables that the installed Optuna can't use, with what to do.

        Args:
            shown: the database, without a password.
            upgrade: the command that brings it up to date.

        Raises:
            StudyConflictError: they are older, or newer.
        """
        made = f"{shown} was made by optuna {self.library}"
        if self.is_older:
            raise StudyConflictError(
                f"{made}, with tables of an older form ({self.revision}); run {upgrade} (a backup is made)"
            )
        if not self.is_current:
            release = _release.fullmatch(self.revision)
            needed = ".".join(release.groups()) if release else self.library
            raise StudyConflictError(
                f"{made}, with tables of a newer form ({self.revision}): it needs optuna >= {needed}; "
                f"here is {version('optuna')}\nAccepted: pip install 'optuna>={needed}', or another --study"
            )


def read_schema(engine: Engine) -> Schema | None:
    """Return the form of a database's tables; None where it has none yet. Raises sqlalchemy.exc.DBAPIError."""
    there = set(sqlalchemy.inspect(engine).get_table_names())
    with engine.connect() as connection:
        revision = library = None
        if "alembic_version" in there:
            revision = connection.execute(sqlalchemy.text("SELECT version_num FROM alembic_version")).scalar()
        if models.VersionInfoModel.__tablename__ in there:
            library = connection.execute(sqlalchemy.select(models.VersionInfoModel.library_version)).scalar()
    if revision is None and library is None:
        return None
    return Schema(revision=revision or _revisions()[-1], library=library or "of an unknown version")


@functools.cache
def _revisions() -> tuple[str, ...]:
    """Return the forms that the installed Optuna knows, the newest first."""
    script = ScriptDirectory(str(Path(storage.__file__).with_name("alembic")))
    return tuple(revision.revision for revision in script.walk_revisions())
