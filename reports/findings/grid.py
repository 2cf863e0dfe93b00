"""Trials in the cells of two parameters: what each combination of values, or of ranges of values, led to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from reports.stored.run import Run, Trial
from reports.wording import listing, value
from spaces.errors import UnknownNameError, UsageError

_levels_most = 4
_ranges = 3
"""Ranges of equal numbers of trials that many different numbers are sorted into."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """One parameter and the values, or ranges, that a grid tells apart."""

    name: str
    levels: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Trials with epochs, by two parameters."""

    rows: Side
    columns: Side
    cells: tuple[tuple[tuple[Trial, ...], ...], ...]
    """cells[row][column], the best trial of each cell first."""


def find_grid(run: Run, chosen: tuple[str, str] | None, *, informative: tuple[str, ...]) -> Grid | None:
    """Return the trials by two parameters.

    Args:
        run: its trials that have epochs are sorted into cells.
        chosen: names of the two parameters, for columns and for rows; None: the two most informative.
        informative: parameters, the most informative first.

    Returns:
        The grid; None where none were chosen and fewer than two parameters vary.

    Raises:
        UnknownNameError: the study has no such parameter.
        UsageError: a chosen parameter has a single value, or both are the same.
    """
    trials = [trial for trial in run.trials if trial.history is not None and len(trial.history.epochs)]
    if chosen is not None:
        _check(run, trials, chosen)
    varied = [name for name in chosen or informative if len(_side(trials, name)[0].levels) > 1]
    if len(varied) < 2:
        return None
    (columns, column_of), (rows, row_of) = (_side(trials, name) for name in varied[:2])
    ordered = sorted(trials, key=lambda trial: np.inf if trial.score is None else -run.direction.sign * trial.score)
    return Grid(
        rows=rows,
        columns=columns,
        cells=tuple(
            tuple(
                tuple(trial for trial in ordered if row_of(trial) == row and column_of(trial) == column)
                for column in range(len(columns.levels))
            )
            for row in range(len(rows.levels))
        ),
    )


def _check(run: Run, trials: list[Trial], chosen: tuple[str, str]) -> None:
    known = tuple(dict.fromkeys(name for trial in run.trials for name in trial.params))
    for name in chosen:
        if name not in known:
            raise UnknownNameError("parameter", name, known, plural=f"parameters of study '{run.record.study}'")
    if chosen[0] == chosen[1]:
        raise UsageError(f"invalid --grid '{chosen[0]},{chosen[1]}': expected two different parameters")
    for name in chosen:
        if len(_side(trials, name)[0].levels) < 2:
            varied = [one for one in known if len(_side(trials, one)[0].levels) > 1]
            raise UsageError(
                f"invalid --grid: '{name}' is the same in all trials; "
                f"expected two of: {listing(varied or ['none yet'], most=20)}"
            )


def _side(trials: list[Trial], name: str) -> tuple[Side, Callable[[Trial], int | None]]:
    """Return a parameter's levels, and what finds the level of a trial."""
    values = [trial.params[name] for trial in trials if name in trial.params]
    numeric = all(isinstance(one, int | float) and not isinstance(one, bool) for one in values)
    distinct = sorted(set(values)) if numeric else sorted(set(values), key=str)
    if numeric and len(distinct) > _levels_most:
        return _ranged(name, values)
    if len(distinct) > _levels_most:
        distinct = [one for one, _ in Counter(values).most_common(_levels_most)]  # the rest has no cell
    place = {repr(one): number for number, one in enumerate(distinct)}
    side = Side(name=name, levels=tuple(value(one) for one in distinct))
    return side, lambda trial: place.get(repr(trial.params[name])) if name in trial.params else None


def _ranged(name: str, values: list[Any]) -> tuple[Side, Callable[[Trial], int | None]]:
    bounds = np.unique(np.quantile(values, np.arange(1, _ranges) / _ranges, method="lower"))

    def level(came: float) -> int:
        return int(np.searchsorted(bounds, came, side="left"))

    filled = sorted({level(one) for one in values})
    inside = [[one for one in values if level(one) == number] for number in filled]
    side = Side(name=name, levels=tuple(_span(min(ones), max(ones)) for ones in inside))
    return side, lambda trial: filled.index(level(trial.params[name])) if name in trial.params else None


def _span(low: float, high: float) -> str:
    return value(low) if low == high else f"{value(low)} to {value(high)}"
