"""The spool: a file in the run folder with trials that could not be saved to the database yet.

Each line is one complete trial. The file is replaced as a whole, and removed once the database has the trials.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from optuna.distributions import distribution_to_json, json_to_distribution
from optuna.trial import FrozenTrial, TrialState

from objectives.files.atomic import write_whole
from spaces.errors import StudyConflictError, UsageError
from spaces.records import parse

_same_seconds = 1.5
"""Some databases don't store fractions of a second."""


def write(path: Path, trials: Sequence[FrozenTrial]) -> None:
    """Replace the spool with these trials; raises OSError."""
    write_whole(path, "".join(json.dumps(_plain(trial)) + "\n" for trial in trials))


def read(path: Path) -> list[FrozenTrial]:
    """Return the trials in a spool, by number; an empty list without a spool.

    Raises:
        UsageError: it is damaged.
    """
    if not path.is_file():
        return []
    try:
        return sorted((_trial(parse(line)) for line in path.read_text().splitlines()), key=lambda one: one.number)
    except (ValueError, ArithmeticError, LookupError, TypeError, AttributeError, RecursionError, OSError) as error:
        raise UsageError(
            f"{path} is damaged ({type(error).__name__}: {str(error)[:200]})\n"
            "It holds trials that the study's database lacks. Move it away to continue without them, or choose another "
            "--study."
        ) from None


def newer_trials(
    stored: Sequence[FrozenTrial], spooled: Sequence[FrozenTrial], *, study: str
) -> dict[int, FrozenTrial]:
    """Return the spooled trials, by number, that are newer than those in a database.

    Raises:
        StudyConflictError: they belong to another study than the one in the database.
    """
    newer: dict[int, FrozenTrial] = {}
    expected = len(stored)
    for trial in spooled:
        there = stored[trial.number] if trial.number < len(stored) else None
        fits = trial.number == expected if there is None else _is_same(there, trial)
        if not fits:
            raise StudyConflictError(
                f"trial {trial.number} of study '{study}' differs between its database and the run folder's "
                "spool.jsonl: another program wrote to the database, or it is an old copy. Choose another --study, or "
                "move the spool away"
            )
        expected += there is None
        if there is None or not there.state.is_finished():
            newer[trial.number] = trial
    return newer


def _is_same(stored: FrozenTrial, spooled: FrozenTrial) -> bool:
    if stored.state is TrialState.WAITING or spooled.datetime_start is None:
        return stored.state is TrialState.WAITING
    if stored.datetime_start is None:
        return False
    return abs((stored.datetime_start - spooled.datetime_start).total_seconds()) < _same_seconds


def _plain(trial: FrozenTrial) -> dict[str, Any]:
    return {
        "number": trial.number,
        "state": trial.state.name,
        "values": trial.values,
        "began": _text(trial.datetime_start),
        "ended": _text(trial.datetime_complete),
        "params": {
            name: [distribution_to_json(distribution), distribution.to_internal_repr(trial.params[name])]
            for name, distribution in trial.distributions.items()
        },
        "scores": {str(epoch): score for epoch, score in trial.intermediate_values.items()},
        "user_attrs": trial.user_attrs,
        "system_attrs": trial.system_attrs,
    }


def _trial(plain: dict[str, Any]) -> FrozenTrial:
    distributions = {name: json_to_distribution(text) for name, (text, _) in plain["params"].items()}
    trial = FrozenTrial(
        number=int(plain["number"]),
        trial_id=-1,
        state=TrialState[plain["state"]],
        value=None,
        values=plain["values"],
        datetime_start=_moment(plain["began"]),
        datetime_complete=_moment(plain["ended"]),
        params={name: distributions[name].to_external_repr(value) for name, (_, value) in plain["params"].items()},
        distributions=distributions,
        user_attrs=dict(plain["user_attrs"]),
        system_attrs=dict(plain["system_attrs"]),
        intermediate_values={int(epoch): float(score) for epoch, score in plain["scores"].items()},
    )
    trial._validate()
    return trial


def _text(moment: datetime.datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(text: str | None) -> datetime.datetime | None:
    return None if text is None else datetime.datetime.fromisoformat(text)
