"""What pairs of on/off choices did to the score, with intervals."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from reports.classifier.intervals import Mean, mean_interval
from reports.findings.importances import Importances
from reports.stored.run import Run, Trial
from reports.wording import is_fraction

_fewest = 3
"""Trials on either side below which a choice is not shown."""


@dataclass(frozen=True, kw_only=True)
class Switch:
    """A parameter seen as a choice of two."""

    name: str
    sides: tuple[str, str]
    """What each side is called: ("no", "yes"), ("0", "above 0"), ("adam", "sgd") ..."""


@dataclass(frozen=True, kw_only=True)
class EffectTable:
    """Mean score of the finished trials by two switches."""

    row: Switch
    column: Switch
    cells: tuple[tuple[Mean | None, Mean | None], tuple[Mean | None, Mean | None]]
    """cells[row side][column side]; None: no such trial."""

    @property
    def is_uneven(self) -> bool:
        """Whether some cell has under 5 trials or under a third of the fullest one's."""
        counts = [cell.count if cell else 0 for line in self.cells for cell in line]
        return min(counts) < 5 or 3 * min(counts) < max(counts)


def find_switches(run: Run) -> tuple[Switch, ...]:
    """Return the parameters that are a choice of two, or zero against more, tried often enough both ways."""
    names = dict.fromkeys(name for trial in run.ranked for name in trial.params)
    found = []
    for name in names:
        switch = _switch(name, [trial.params[name] for trial in run.ranked if name in trial.params])
        if switch is None:
            continue
        sides = [_side(trial, switch) for trial in run.ranked]
        if min(sides.count(0), sides.count(1)) >= _fewest:
            found.append(switch)
    return tuple(found)


def effect_tables(run: Run, importances: Importances, *, most: int) -> tuple[EffectTable, ...]:
    """Return the tables of the most important pairs of switches."""
    switches = sorted(find_switches(run), key=lambda switch: -importances.shares.get(switch.name, 0.0))
    pairs = sorted(itertools.combinations(range(len(switches)), 2), key=sum)[:most]
    return tuple(_table(run, switches[first], switches[second]) for first, second in pairs)


def _switch(name: str, values: list[Any]) -> Switch | None:
    distinct = set(map(repr, values))
    if distinct == {"True", "False"}:
        return Switch(name=name, sides=("no", "yes"))
    numeric = all(isinstance(value, int | float) for value in values)
    if numeric and len(distinct) > 2 and min(values) == 0 and max(values) > 0:
        return Switch(name=name, sides=("0", "above 0"))
    if len(distinct) == 2:
        low, high = sorted(set(values)) if numeric else sorted(set(map(str, values)))
        return Switch(name=name, sides=(str(low), str(high)))
    return None


def _side(trial: Trial, switch: Switch) -> int | None:
    if switch.name not in trial.params:
        return None
    value = trial.params[switch.name]
    if isinstance(value, int | float) and switch.sides in (("no", "yes"), ("0", "above 0")):
        return int(value > 0)
    return int(str(value) == switch.sides[1])


def _table(run: Run, row: Switch, column: Switch) -> EffectTable:
    def cell(of_row: int, of_column: int) -> Mean | None:
        scores = [
            trial.score
            for trial in run.ranked
            if trial.score is not None and _side(trial, row) == of_row and _side(trial, column) == of_column
        ]
        return _bounded(mean_interval(np.array(scores)), run.record.metric) if scores else None

    return EffectTable(row=row, column=column, cells=((cell(0, 0), cell(0, 1)), (cell(1, 0), cell(1, 1))))


def _bounded(found: Mean, metric: str) -> Mean:
    """Keep the interval of a fraction between 0 and 1."""
    if found.low is None or found.high is None or not is_fraction(metric):
        return found
    return dataclasses.replace(found, low=max(0.0, found.low), high=min(1.0, found.high))
