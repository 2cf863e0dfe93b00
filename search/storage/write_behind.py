"""A study in memory, which answers at once, and its database, which is brought up to date in batches."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna.distributions import distribution_to_json
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Connection, Table

from reports.stored.study_copy import in_memory
from search.storage.errors import database_errors
from search.storage.spool import laid_over
from search.storage.spool import read as read_spool
from search.storage.spool import write as write_spool
from spaces.errors import StudyConflictError

_FIGURES = "dashboard:plot_data:"
"""Begins the names of a study's figures, which are large, and of no use here."""
_NOTE = re.compile(r"dashboard:(?P<trial>\d+):(?P<part>note_.*)")
"""Name under which the dashboard finds a part of a trial's note among its study's attributes."""
_Rows = dict[Any, dict[str, Any]]
"""Rows of a table by what tells them apart; that stands first in a row. The id of their owner is left out."""


class WriteBehindStudy:
    """A copy in memory of a study in a relational database, whose changes are saved together.

    Optuna's storage asks the database several times for each parameter, attribute and epoch, and commits after
    each. Here a study is read once; everything that changed since the last save goes into Optuna's own tables in
    one transaction. A changed trial is another object in `optuna.storages.InMemoryStorage`: so changes are found.
    The database must have no other writer of trials.
    """

    def __init__(self, stored: optuna.Study, storage: RDBStorage, *, spool: Path | None = None) -> None:
        """Copy `stored`, which is in `storage`, and what it missed.

        Args:
            stored: of Optuna.
            storage: where it is.
            spool: file for what the database can't take; None: nowhere.

        Raises:
            UsageError: the spool is damaged.
            StudyConflictError: the spool is of another study.
        """
        trials = stored.get_trials(deepcopy=False)
        missed = {} if spool is None else laid_over(trials, read_spool(spool), study=stored.study_name)
        self._spool = spool
        if spool is not None and spool.exists() and not missed:  # left by a driver that was killed just then
            spool.unlink()
        self.missed = len(missed)
        """How many trials the database lacked, wholly or in part, when the study was opened."""
        self._engine = storage.engine
        self._study_id = stored._study_id
        self._ids = [trial._trial_id for trial in trials]
        known = {trial.number: trial for trial in trials} | missed
        self.study = in_memory(stored, trials=[known[number] for number in sorted(known)])
        """Of Optuna."""
        self.study.pruner = stored.pruner
        for key, value in storage.get_study_user_attrs(self._study_id).items():
            self.study.set_user_attr(key, value)
        here = self.study.get_trials(deepcopy=False)
        self._saved = [trial if trial.number in missed else here[trial.number] for trial in trials]
        ids_here = {trial._trial_id: here[trial.number]._trial_id for trial in trials}
        for key, value in storage.get_study_system_attrs(self._study_id).items():
            if not key.startswith(_FIGURES):
                self.study._storage.set_study_system_attr(self.study._study_id, _renamed(key, ids_here), value)
        self._written = {trial.number: _rows(trial) for trial in self._saved if not trial.state.is_finished()}
        """Of trials that may change: a trial's own object does not tell, since `optuna.Trial` writes into it."""
        self._written_attributes = self._attributes()
        self._begun = {trial.number for trial in trials if trial.state is not TrialState.WAITING}

    def has(self, trial: int) -> bool:
        """Whether the database knows a trial of that number."""
        return trial < len(self._saved)

    def has_begun(self, trial: int) -> bool:
        """Whether the database knows that a trial was asked for: one that was queued is there before."""
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
        rows = {trial.number: _rows(trial) for trial in changed}
        with database_errors(), self._engine.begin() as connection:
            ids = self._ids + self._add(connection, trials[len(self._saved) :])
            for trial in changed:
                if self.has(trial.number):
                    own = _trials.update().where(_trials.c.trial_id == ids[trial.number])
                    connection.execute(own.values(_own_row(trial)))
            for part, table in enumerate(_TRIAL_TABLES):
                changes = (
                    (ids[number], _Change.between(self._written.get(number, _no_rows)[part], now[part]))
                    for number, now in rows.items()
                )
                _write(connection, table, list(changes))
            there = {trial._trial_id: id_there for trial, id_there in zip(trials, ids, strict=True)}
            for table, before, now in zip(_STUDY_TABLES, self._written_attributes, attributes, strict=True):
                _write(connection, table, [(self._study_id, _Change.between(before, now).renamed(there))])
        self._saved, self._ids, self._written_attributes = trials, ids, attributes
        self._written |= rows
        self._begun |= {trial.number for trial in changed if trial.state is not TrialState.WAITING}
        for trial in changed:
            if trial.state.is_finished():
                del self._written[trial.number]
        if self._spool is not None:
            self._spool.unlink(missing_ok=True)

    def spool(self) -> int:
        """Keep what the database lacks in the spool, and return how many trials that is; raises OSError."""
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
        own = _trials.c.study_id == self._study_id
        there = connection.execute(sqlalchemy.select(sqlalchemy.func.count()).select_from(_trials).where(own)).scalar()
        if there != len(self._ids):
            raise StudyConflictError(
                f"study '{self.study.study_name}' has {there} trials in its database where {len(self._ids)} are known "
                "here: another program adds trials to it. Stop that one; the same command then goes on"
            )
        connection.execute(
            _trials.insert(), [{"number": one.number, "study_id": self._study_id, **_own_row(one)} for one in trials]
        )
        added = sqlalchemy.select(_trials.c.trial_id).where(own, _trials.c.number >= there).order_by(_trials.c.number)
        return list(connection.execute(added).scalars())

    def _attributes(self) -> tuple[_Rows, _Rows]:
        """Return the rows of the study's own attributes: a person's, and those of samplers and the dashboard."""
        storage, study = self.study._storage, self.study._study_id
        return _attributes(storage.get_study_user_attrs(study)), _attributes(storage.get_study_system_attrs(study))


@dataclass(frozen=True, kw_only=True)
class _Change:
    """What leads from some rows to others; rows are never taken away."""

    replaced: list[Any]
    """What tells apart the rows that are there with other values."""
    new: list[dict[str, Any]]
    """Rows to add, those that replace others included."""

    @classmethod
    def between(cls, before: _Rows, now: _Rows) -> _Change:
        new = {key: row for key, row in now.items() if before.get(key) != row}
        return cls(replaced=[key for key in new if key in before], new=list(new.values()))

    def renamed(self, ids: Mapping[int, int]) -> _Change:
        """Return the change of a study's attributes, of which some are named after a trial's id, for other ids."""
        return _Change(
            replaced=[_renamed(key, ids) for key in self.replaced],
            new=[row | {"key": _renamed(row["key"], ids)} for row in self.new],
        )


def _write(connection: Connection, table: Table, changes: Sequence[tuple[int, _Change]]) -> None:
    """Write what changed of some trials, or of the study, by the id of each."""
    owner = table.c["study_id" if "study_id" in table.c else "trial_id"]
    for belongs_to, change in changes:
        if change.replaced:
            told_apart_by = table.c[next(iter(change.new[0]))]
            connection.execute(table.delete().where(owner == belongs_to, told_apart_by.in_(change.replaced)))
    rows = [{owner.name: belongs_to, **row} for belongs_to, change in changes for row in change.new]
    if rows:
        connection.execute(table.insert(), rows)


def _table(model: type[models.BaseModel]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table


_trials = _table(models.TrialModel)
_TRIAL_TABLES = (
    _table(models.TrialParamModel),
    _table(models.TrialValueModel),
    _table(models.TrialIntermediateValueModel),
    _table(models.TrialUserAttributeModel),
    _table(models.TrialSystemAttributeModel),
)
_STUDY_TABLES = (_table(models.StudyUserAttributeModel), _table(models.StudySystemAttributeModel))
_no_rows: tuple[_Rows, ...] = ({},) * len(_TRIAL_TABLES)


def _own_row(trial: FrozenTrial) -> dict[str, Any]:
    return {
        "state": trial.state,
        "datetime_start": _utc(trial.datetime_start),
        "datetime_complete": _utc(trial.datetime_complete),
    }


def _rows(trial: FrozenTrial) -> tuple[_Rows, ...]:
    """Return a trial's rows in each of `_TRIAL_TABLES`."""
    return (
        {
            name: {
                "param_name": name,
                "param_value": distribution.to_internal_repr(trial.params[name]),
                "distribution_json": distribution_to_json(distribution),
            }
            for name, distribution in trial.distributions.items()
        },
        {number: _value(number, value) for number, value in enumerate(trial.values or ())},
        {step: _intermediate_value(step, value) for step, value in trial.intermediate_values.items()},
        _attributes(trial.user_attrs),
        _attributes(trial.system_attrs),
    )


def _value(objective: int, value: float) -> dict[str, Any]:
    stored, kind = models.TrialValueModel.value_to_stored_repr(value)
    return {"objective": objective, "value": stored, "value_type": kind}


def _intermediate_value(step: int, value: float) -> dict[str, Any]:
    stored, kind = models.TrialIntermediateValueModel.intermediate_value_to_stored_repr(value)
    return {"step": step, "intermediate_value": stored, "intermediate_value_type": kind}


def _attributes(attributes: Mapping[str, Any]) -> _Rows:
    return {key: {"key": key, "value_json": json.dumps(value)} for key, value in attributes.items()}


def _renamed(key: str, ids: Mapping[int, int]) -> str:
    """Return the name of an attribute where trials have other ids: a trial's note is kept under its id."""
    found = _NOTE.fullmatch(key)
    if found is None or int(found["trial"]) not in ids:
        return key
    return f"dashboard:{ids[int(found['trial'])]}:{found['part']}"


def _utc(local: datetime.datetime | None) -> datetime.datetime | None:
    return None if local is None else local.astimezone(datetime.UTC).replace(tzinfo=None)
