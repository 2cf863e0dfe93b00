"""Rows of Optuna's own tables: those of a trial or a study, and the change from some rows to others."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.distributions import distribution_to_json
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial
from sqlalchemy import Connection, Table

_NOTE = re.compile(r"dashboard:(?P<trial>\d+):(?P<part>note_.*)")
"""Name under which the dashboard finds a part of a trial's note among its study's attributes."""
Rows = dict[Any, dict[str, Any]]
"""Rows of a table by their key, which is the first column of each row; the id of the trial or study is left out."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """The change from some rows to others; rows are never removed."""

    replaced: list[Any]
    """Keys of the rows that exist with other values."""
    new: list[dict[str, Any]]
    """Rows to add, including those that replace others."""

    @classmethod
    def between(cls, before: Rows, now: Rows) -> Change:
        """Return the change from `before` to `now`."""
        new = {key: row for key, row in now.items() if before.get(key) != row}
        return cls(replaced=[key for key in new if key in before], new=list(new.values()))

    def with_ids(self, ids: Mapping[int, int]) -> Change:
        """Return the change of a study's attributes where trials have other ids; some names hold such an id."""
        return Change(
            replaced=[renamed(key, ids) for key in self.replaced],
            new=[row | {"key": renamed(row["key"], ids)} for row in self.new],
        )


def write_changes(connection: Connection, table: Table, changes: Sequence[tuple[int, Change]]) -> None:
    """Write the changes of some trials, or of the study; each comes with the id of its owner."""
    owner = table.c["study_id" if "study_id" in table.c else "trial_id"]
    for owner_id, change in changes:
        if change.replaced:
            key = table.c[next(iter(change.new[0]))]
            connection.execute(table.delete().where(owner == owner_id, key.in_(change.replaced)))
    rows = [{owner.name: owner_id, **row} for owner_id, change in changes for row in change.new]
    if rows:
        connection.execute(table.insert(), rows)


def _table(model: type[models.BaseModel]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table


TRIALS = _table(models.TrialModel)
TRIAL_TABLES = (
    _table(models.TrialParamModel),
    _table(models.TrialValueModel),
    _table(models.TrialIntermediateValueModel),
    _table(models.TrialUserAttributeModel),
    _table(models.TrialSystemAttributeModel),
)
STUDY_TABLES = (_table(models.StudyUserAttributeModel), _table(models.StudySystemAttributeModel))
NO_ROWS: tuple[Rows, ...] = ({},) * len(TRIAL_TABLES)


def own_row(trial: FrozenTrial) -> dict[str, Any]:
    """Return a trial's row of `TRIALS`, without its number and its study."""
    return {
        "state": trial.state,
        "datetime_start": _utc(trial.datetime_start),
        "datetime_complete": _utc(trial.datetime_complete),
    }


def rows_of(trial: FrozenTrial) -> tuple[Rows, ...]:
    """Return a trial's rows in each of `TRIAL_TABLES`."""
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
        attribute_rows(trial.user_attrs),
        attribute_rows(trial.system_attrs),
    )


def _value(objective: int, value: float) -> dict[str, Any]:
    stored, kind = models.TrialValueModel.value_to_stored_repr(value)
    return {"objective": objective, "value": stored, "value_type": kind}


def _intermediate_value(step: int, value: float) -> dict[str, Any]:
    stored, kind = models.TrialIntermediateValueModel.intermediate_value_to_stored_repr(value)
    return {"step": step, "intermediate_value": stored, "intermediate_value_type": kind}


def attribute_rows(attributes: Mapping[str, Any]) -> Rows:
    """Return the rows of user or system attributes."""
    return {key: {"key": key, "value_json": json.dumps(value)} for key, value in attributes.items()}


def renamed(key: str, ids: Mapping[int, int]) -> str:
    """Return a study's attribute name where trials have other ids: it holds the id if it is a trial's note."""
    found = _NOTE.fullmatch(key)
    if found is None or int(found["trial"]) not in ids:
        return key
    return f"dashboard:{ids[int(found['trial'])]}:{found['part']}"


def _utc(local: datetime.datetime | None) -> datetime.datetime | None:
    return None if local is None else local.astimezone(datetime.UTC).replace(tzinfo=None)
