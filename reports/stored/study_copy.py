"""A copy of a study's embedded database, so that reading can neither change nor lock it."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import optuna
from sqlalchemy.exc import SQLAlchemyError

from reports.stored.layout import DATABASE
from spaces.errors import RecordError


def copy_study(database: Path, name: str) -> optuna.Study:
    """Return the study in `database`, copied into memory.

    Raises:
        RecordError: there is no such file, it is not an Optuna database, or it has no study of that name.
    """
    if not database.is_file():
        raise RecordError("is missing")
    with tempfile.TemporaryDirectory(prefix="tamiz-") as folder:
        copy = Path(folder, DATABASE)
        try:
            _back_up(database, copy)
            storage = optuna.storages.RDBStorage(f"sqlite:///{copy}")
            try:
                stored = optuna.load_study(study_name=name, storage=storage)
                return in_memory(stored)
            finally:
                storage.remove_session()
                storage.engine.dispose()
        except KeyError:
            raise RecordError(f"holds no study '{name}'") from None
        except (sqlite3.Error, SQLAlchemyError, RuntimeError, optuna.exceptions.OptunaError, ValueError) as error:
            raise RecordError(f"is not readable as an Optuna study ({type(error).__name__})") from None


def _back_up(database: Path, copy: Path) -> None:
    """Copy a database that another process may be writing, its write-ahead log included."""
    address = database.resolve().as_uri()
    try:
        _copy_pages(f"{address}?mode=ro", copy)
    except sqlite3.OperationalError:
        _copy_pages(f"{address}?mode=ro&immutable=1", copy)  # a folder where no lock file can be made


def _copy_pages(address: str, copy: Path) -> None:
    with closing(sqlite3.connect(address, uri=True)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


def in_memory(stored: optuna.Study, *, trials: Sequence[optuna.trial.FrozenTrial] | None = None) -> optuna.Study:
    """Return a copy of a study that no longer needs its database, with its trials or those that are given."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # it would report "A new study created in memory"
    try:
        study = optuna.create_study(directions=stored.directions, study_name=stored.study_name)
        study.add_trials(stored.get_trials(deepcopy=False) if trials is None else trials)
        for name, value in stored.user_attrs.items():
            study.set_user_attr(name, value)
    finally:
        optuna.logging.set_verbosity(verbosity)
    return study
