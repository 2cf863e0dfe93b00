"""A write-behind copy of a study: in memory, with changes saved to the database in batches."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

import optuna
import sqlalchemy
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Connection

from reports.stored.study_copy import in_memory
from search.storage.errors import database_errors
from search.storage.spool import newer_trials
from search.storage.spool import read as read_spool
from search.storage.spool import write as write_spool
from search.storage.tables import (
    NO_ROWS,
    STUDY_TABLES,
    TRIAL_TABLES,
    TRIALS,
    Change,
    Rows,
    attribute_rows,
    own_row,
    renamed,
    rows_of,
    write_changes,
)
from spaces.errors import StudyConflictError

_FIGURES = "dashboard:plot_data:"
"""Prefix of a study's figures among its attributes; they are large and not needed here."""


class WriteBehindStudy:
    """A copy in memory of a study in a relational database, whose changes are saved together.

    Optuna's storage asks the database several times for each parameter, attribute and epoch, and commits after
    each. Here a study is read once; everything that changed since the last save goes into Optuna's own tables in
    one transaction. Changes are found by identity: `optuna.storages.InMemoryStorage` replaces the object of a trial
    that changes. The database must have no other writer of trials.
    """

    def __init__(self, stored: optuna.Study, storage: RDBStorage, *, spool: Path | None = None) -> None:
        """Copy a study and what its database missed.

        Args:
            stored: Optuna's study.
            storage: holds it.
            spool: file for what is to be saved while the database is unavailable; None: no file.

        Raises:
            UsageError: the spool is damaged.
            StudyConflictError: the spool is of another study.
        """
        trials = stored.get_trials(deepcopy=False)
        missed = {} if spool is None else newer_trials(trials, read_spool(spool), study=stored.study_name)
        self._spool = spool
        if spool is not None and spool.exists() and not missed:  # left by a driver that was killed just then
            spool.unlink()
        self.missed = len(missed)
        """Number of trials that the database lacked, wholly or in part, when the study was opened."""
        self._engine = storage.engine
        self._study_id = stored._study_id
        self._ids = [trial._trial_id for trial in trials]
        known = {trial.number: trial for trial in trials} | missed
        self.study = in_memory(stored, trials=[known[number] for number in sorted(known)])
        """Optuna's study, in memory."""
        self.study.pruner = stored.pruner
        here = self.study.get_trials(deepcopy=False)
        self._saved = [trial if trial.number in missed else here[trial.number] for trial in trials]
        ids_here = {trial._trial_id: here[trial.number]._trial_id for trial in trials}
        for key, value in storage.get_study_system_attrs(self._study_id).items():
            if not key.startswith(_FIGURES):
                self.study._storage.set_study_system_attr(self.study._study_id, renamed(key, ids_here), value)
        self._written = {trial.number: rows_of(trial) for trial in self._saved if not trial.state.is_finished()}
        """Rows of trials that may change. The trial's object can't be compared, since `optuna.Trial` writes into it."""
        self._written_attributes = self._attributes()
        self._begun = {trial.number for trial in trials if trial.state is not TrialState.WAITING}

    def has(self, trial: int) -> bool:
        """Whether the database has a trial of that number."""
        return trial < len(self._saved)

    def has_begun(self, trial: int) -> bool:
        """Whether the trial has begun in the database; a queued one is there before."""
        return trial in self._begun

    def save(self) -> None:
        """Bring the database up to date.

        Raises:
            DatabaseError: the database failed; nothing of this batch is in it.
            StudyConflictError: another program added trials.
        """
        trials, attributes = self.study.get_trials(deepcopy=False), self._attributes()
        changed = self._changed(trials)
        if not changed and attributes == self._written_attributes:
            return
        rows = {trial.number: rows_of(trial) for trial in changed}
        with database_errors(), self._engine.begin() as connection:
            ids = self._ids + self._add(connection, trials[len(self._saved) :])
            for trial in changed:
                if self.has(trial.number):
                    own = TRIALS.update().where(TRIALS.c.trial_id == ids[trial.number])
                    connection.execute(own.values(own_row(trial)))
            for part, table in enumerate(TRIAL_TABLES):
                changes = (
                    (ids[number], Change.between(self._written.get(number, NO_ROWS)[part], now[part]))
                    for number, now in rows.items()
                )
                write_changes(connection, table, list(changes))
            there = {trial._trial_id: id_there for trial, id_there in zip(trials, ids, strict=True)}
            for table, before, now in zip(STUDY_TABLES, self._written_attributes, attributes, strict=True):
                write_changes(connection, table, [(self._study_id, Change.between(before, now).with_ids(there))])
        self._saved, self._ids, self._written_attributes = trials, ids, attributes
        self._written |= rows
        self._begun |= {trial.number for trial in changed if trial.state is not TrialState.WAITING}
        for trial in changed:
            if trial.state.is_finished():
                del self._written[trial.number]
        if self._spool is not None:
            self._spool.unlink(missing_ok=True)

    def spool(self) -> int:
        """Write the trials that the database lacks to the spool, and return their number; raises OSError."""
        changed = self._changed(self.study.get_trials(deepcopy=False))
        if self._spool is not None and changed:
            write_spool(self._spool, changed)
        return len(changed)

    def _changed(self, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
        return [now for before, now in zip_longest(self._saved, trials) if before is not now]

    def _add(self, connection: Connection, trials: Sequence[FrozenTrial]) -> list[int]:
        """Add trials and return their ids in the database."""
        if not trials:
            return []
        own = TRIALS.c.study_id == self._study_id
        there = connection.execute(sqlalchemy.select(sqlalchemy.func.count()).select_from(TRIALS).where(own)).scalar()
        if there != len(self._ids):
            raise StudyConflictError(
                f"study '{self.study.study_name}' has {there} trials in its database, expected {len(self._ids)}: "
                "another program adds trials to it. Stop that program, then run the same command again"
            )
        connection.execute(
            TRIALS.insert(), [{"number": one.number, "study_id": self._study_id, **own_row(one)} for one in trials]
        )
        added = sqlalchemy.select(TRIALS.c.trial_id).where(own, TRIALS.c.number >= there).order_by(TRIALS.c.number)
        return list(connection.execute(added).scalars())

    def _attributes(self) -> tuple[Rows, Rows]:
        """Return the rows of the study's user attributes and of its system attributes."""
        storage, study_id = self.study._storage, self.study._study_id
        user, system = storage.get_study_user_attrs(study_id), storage.get_study_system_attrs(study_id)
        return attribute_rows(user), attribute_rows(system)
