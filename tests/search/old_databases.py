"""Databases as earlier releases of Optuna made them, from one of today."""

from __future__ import annotations

import warnings

import sqlalchemy
from alembic import command
from optuna.storages import RDBStorage

RELEASES = {"v3.0.0.d": "3.1.0", "v2.6.0.a": "2.10.1", "v2.4.0.a": "2.5.0"}
"""Forms of the tables, and a release of Optuna that used each."""


def make_old(url: str, revision: str) -> None:
    """Bring a database's tables back to one of `RELEASES`, with the trials that are in it."""
    storage = RDBStorage(url)
    with storage.engine.begin() as connection:  # today's tables have it under another name
        connection.execute(sqlalchemy.text("DROP INDEX ix_trials_study_id"))
        connection.execute(sqlalchemy.text("CREATE INDEX trials_study_id_key ON trials (study_id)"))
    _down(storage, "v3.0.0.d")
    if revision != "v3.0.0.d":
        _down(storage, "v3.0.0.c")
        with storage.engine.begin() as connection:  # Optuna's own way back from here fails
            column = "ALTER TABLE trial_intermediate_values DROP COLUMN intermediate_value_type"
            connection.execute(sqlalchemy.text(column))
            connection.execute(sqlalchemy.text("UPDATE alembic_version SET version_num = 'v3.0.0.b'"))
        _down(storage, revision)
    with storage.engine.begin() as connection:
        connection.execute(
            sqlalchemy.text("UPDATE version_info SET library_version = :library"), {"library": RELEASES[revision]}
        )
    storage.remove_session()
    storage.engine.dispose()


def _down(storage: RDBStorage, revision: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names of distributions that are deprecated since
        command.downgrade(storage._version_manager._create_alembic_config(), revision)
