"""What was found: a row for each trial of a search, and for each training of its own, in a file."""

from __future__ import annotations

import csv
import fcntl
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

from benchmarks.searches.plan import LUCK_FROM


@dataclass(frozen=True, kw_only=True)
class Row:
    """A trial of a search, or a training of its own, which has no sampler."""

    space: str
    data: str
    images_seed: int
    """Of the search: also decides which images validate."""
    sampler: str
    trial: int
    name: str
    """Of a start or baseline; empty: the sampler chose it."""
    state: str
    score: float
    """Validation accuracy; NaN where it failed."""
    test: float
    """Accuracy on the test images; NaN where it was not measured."""
    number: int
    """From which a training's seed is derived, beside that of the images."""
    parameters: str
    """As JSON."""


Trainings = dict[tuple[int, str, int], Row]
"""By the seed of the images, the parameters and the number."""


class Table:
    """The rows of a file, to which more are added; only one process at a time has it open."""

    def __init__(self, path: Path) -> None:
        """Open or make it."""
        self._file = path.open("a+")
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._file.seek(0)
        text = self._file.read()
        self._file.truncate(len(text[: text.rfind("\n") + 1].encode()))  # a kill may have cut the last line short
        self.rows = parsed(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def add(self, rows: Sequence[Row]) -> None:
        """Write rows to the file."""
        self.rows += rows
        csv.writer(self._file, lineterminator="\n").writerows(
            [getattr(row, one.name) for one in fields(Row)] for row in rows
        )
        self._file.flush()
        os.fsync(self._file.fileno())


def parsed(text: str) -> list[Row]:
    """Return the rows of a file's whole lines; of a search that was killed while it wrote them, the last ones."""
    found: dict[tuple[str, ...], Row] = {}
    for cells in csv.reader(io.StringIO(text[: text.rfind("\n") + 1])):
        space, data, images_seed, sampler, trial, name, state, score, test, number, parameters = cells
        found[space, data, images_seed, sampler, number, parameters] = Row(
            space=space,
            data=data,
            images_seed=int(images_seed),
            sampler=sampler,
            trial=int(trial),
            name=name,
            state=state,
            score=float(score),
            test=float(test),
            number=int(number),
            parameters=parameters,
        )
    return [*found.values()]


def best_of(trials: Sequence[Row]) -> tuple[Row | None, Row | None]:
    """Return the best trial that the sampler chose, and the best start or baseline."""
    complete = [trial for trial in trials if trial.state == "COMPLETE"]
    of_sampler = [trial for trial in complete if not trial.name]
    of_space = [trial for trial in complete if trial.name]
    sampled, start = (max(kind, key=lambda trial: trial.score, default=None) for kind in (of_sampler, of_space))
    return sampled, start


def trainings_of(rows: Sequence[Row]) -> Trainings:
    """Return the trainings that belong to no search."""
    return {(row.images_seed, row.parameters, row.number): row for row in rows if not row.sampler}


def luck_numbers(trials: Sequence[Row]) -> range:
    """Return a number for each trial of a search that the sampler chose."""
    return range(LUCK_FROM, LUCK_FROM + sum(not trial.name for trial in trials))
