"""All trials as one table: for the page, and as a pandas frame."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from objectives.files.atomic import write_whole
from reports.stored.run import Run, Trial

absent = object()
"""Where a trial was not asked for a parameter; None is a choice."""
_shown_most = 5
"""Columns of parameters in the page's table."""
_Type = Literal["boolean", "Int64", "Float64", "string"]
_parameter_types: Mapping[_Type, set[type]] = {"boolean": {bool}, "Int64": {int}, "Float64": {int, float}}
_column_types: Mapping[str, _Type] = {
    "trial": "Int64",
    "state": "string",
    "score": "Float64",
    "best_epoch": "Int64",
    "epochs": "Int64",
    "baseline": "string",
    "start": "string",
    "parameters": "Int64",
    "seconds_building": "Float64",
    "seconds_training": "Float64",
    "seed": "Int64",
    "attempt": "Int64",
    "worker": "string",
    "cause": "string",
    "message": "string",
    "started": "string",
    "ended": "string",
}


@dataclass(frozen=True, kw_only=True)
class TrialRow:
    """One line of the page's table."""

    trial: Trial
    rank: int | None
    """From 1, among the trials trained to their end."""
    is_winner: bool


def trials_frame(run: Run) -> pd.DataFrame:
    """Return one row a trial, by number: what became of it, its cost, then each parameter as `param_<name>`.

    Each column has one of pandas' own nullable types (Int64, Float64, boolean, string), so that the frame can be
    stored as it is, for example by `to_parquet`. A parameter with choices of several kinds is text; a list is JSON.
    Times are ISO 8601, UTC.
    """
    names = parameter_names(run)
    rows = [_frame_row(trial) for trial in run.trials]
    columns = {name: pd.Series([row[name] for row in rows], dtype=kind) for name, kind in _column_types.items()}
    for name in names:
        columns[f"param_{name}"] = _parameter_column([trial.params.get(name, absent) for trial in run.trials])
    return pd.DataFrame(columns)


def write_trials_csv(run: Run, path: Path) -> None:
    """Write `trials_frame` as CSV, whole or not at all."""
    write_whole(path, trials_frame(run).to_csv(index=False, lineterminator="\n"))


def parameter_names(run: Run) -> tuple[str, ...]:
    """Names of all parameters, in the order in which trials first had them."""
    return tuple(dict.fromkeys(name for trial in run.trials for name in trial.params))


def trial_rows(run: Run) -> tuple[TrialRow, ...]:
    """Return the trials for the page: ranked ones first, then those with a score, then the rest by number."""
    ranks = {trial.number: place for place, trial in enumerate(run.ranked, start=1)}

    def place(trial: Trial) -> tuple[int, float, int]:
        if trial.number in ranks:
            return 0, float(ranks[trial.number]), trial.number
        return (
            (1, -run.direction.sign * trial.score, trial.number) if trial.score is not None else (2, 0.0, trial.number)
        )

    winner = run.winner
    return tuple(
        TrialRow(
            trial=trial, rank=ranks.get(trial.number), is_winner=winner is not None and winner.number == trial.number
        )
        for trial in sorted(run.trials, key=place)
    )


def informative_parameters(run: Run, importances: dict[str, float]) -> tuple[str, ...]:
    """Return the parameters worth a column: those that differ between trials, the most important first."""
    differing = [name for name in parameter_names(run) if _differs(run, name)]
    return tuple(sorted(differing, key=lambda name: -importances.get(name, 0.0))[:_shown_most])


def failures_by_cause(run: Run) -> tuple[tuple[str, int, str], ...]:
    """Return (cause, trials, one message) of trials without a proper result, the most frequent cause first."""
    troubled = [trial.record for trial in run.trials if trial.record and trial.record.cause]
    messages = {record.cause: record.message or "" for record in troubled}
    counted = Counter(record.cause for record in troubled)
    return tuple((str(cause), number, messages[cause]) for cause, number in counted.most_common())


def _differs(run: Run, name: str) -> bool:
    return len({repr(trial.params.get(name)) for trial in run.trials}) > 1


def _parameter_column(values: list[Any]) -> pd.Series[Any]:
    """Return a parameter's values, `absent` where a trial has none, as the narrowest type that holds them all."""
    kinds = {type(value) for value in values if value is not absent}
    for kind, accepted in _parameter_types.items():
        if kinds and kinds <= accepted:
            return pd.Series([None if value is absent else value for value in values], dtype=kind)
    texts = [None if value is absent else value if isinstance(value, str) else _text(value) for value in values]
    return pd.Series(texts, dtype="string")


def _text(choice: Any) -> str:
    return "none" if choice is None else json.dumps(choice)  # "null" would be read back as missing


def _frame_row(trial: Trial) -> dict[str, Any]:
    record = trial.record
    return {
        "trial": trial.number,
        "state": trial.state,
        "score": trial.score,
        "best_epoch": record.best_epoch if record else None,
        "epochs": trial.epochs,
        "baseline": trial.baseline,
        "start": trial.start,
        "parameters": record.parameters if record else None,
        "seconds_building": record.seconds_building if record else None,
        "seconds_training": record.seconds_training if record else None,
        "seed": record.seed if record else None,
        "attempt": record.attempt if record else None,
        "worker": record.worker if record else None,
        "cause": record.cause if record else None,
        "message": record.message if record else None,
        "started": record.started if record else None,
        "ended": record.ended if record else None,
    }
