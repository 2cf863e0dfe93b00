"""A run as a report sees it: everything that was read from its folder, and what could not be."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import optuna
from numpy.typing import NDArray

from objectives.evaluation.metrics import Direction
from objectives.messages import Predictions
from reports.stored.confirmation import Confirmation
from reports.stored.for_the_record import ForTheRecord
from reports.stored.outcome import answer_number, rank
from reports.stored.records import Inside, Measurement, RunRecord, TrialRecord

CLOSELY_READ = 10
"""Best trials whose predictions are kept, for paired comparisons."""
COMPARED = 200
"""Best trials whose predictions are read, for the recall of each class."""

State = Literal["COMPLETE", "PRUNED", "FAIL", "RUNNING", "WAITING"]


@dataclass(frozen=True, kw_only=True)
class Gap:
    """Something that a whole run folder has, and this one has not."""

    part: str
    """The file, relative to the run folder."""
    problem: str


@dataclass(frozen=True, kw_only=True, eq=False)
class History:
    """A trial's epochs, one position an epoch."""

    epochs: NDArray[np.int32]
    """(n,) from 1."""
    columns: Mapping[str, NDArray[np.float64]]
    """Score, seconds and each metric by name, (n,); not-a-number where a value is missing."""

    @property
    def scores(self) -> NDArray[np.float64]:
        """The objective's metric after each epoch."""
        return self.columns["score"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """One trial, ended or under way."""

    number: int
    state: State
    params: Mapping[str, Any]
    score: float | None
    """Of the best epoch so far."""
    record: TrialRecord | None
    """None while it runs, or where it is damaged."""
    recipe: Mapping[str, Any] | None
    history: History | None
    confusion: NDArray[np.int32] | None
    """(classes, classes) validation images by true class (row) and predicted class (column); of the best trials."""

    @property
    def baseline(self) -> str | None:
        """Name of the hand-made baseline that this trial is."""
        return self.record.baseline if self.record else None

    @property
    def start(self) -> str | None:
        """Name of the space's recommended start that this trial is."""
        return self.record.start if self.record else None

    @property
    def epochs(self) -> int:
        """Epochs trained so far."""
        if self.record:
            return self.record.epochs
        return len(self.history.epochs) if self.history else 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Thumbnails:
    """Small pictures of some test images."""

    pixels: Mapping[int, NDArray[np.uint8]]
    """Position among the test images to (height, width, channels)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """A search and what it found, as far as its folder tells."""

    folder: Path
    record: RunRecord
    trials: tuple[Trial, ...]
    """By number."""
    study: optuna.Study | None
    """A copy in memory; its trials know the ranges that they were drawn from."""
    measurement: Measurement | None
    test: Predictions | None
    """The winner's, on the test images."""
    validation: Mapping[int, Predictions]
    """Trial number to predictions on the validation images: of the best trials and the baselines."""
    inside: Inside | None
    maps: Mapping[str, NDArray[np.uint8]]
    """Array name to feature maps (classes shown, height, width, channels shown)."""
    thumbnails: Thumbnails | None
    gaps: tuple[Gap, ...]
    for_the_record: ForTheRecord | None = None
    """What was measured on the test images beside the winner."""
    confirmation: Confirmation | None = None
    """How the winner was chosen; None: by its search score alone."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; a label is a position in it."""
        return self.record.data.classes

    @property
    def direction(self) -> Direction:
        """Whether a larger or a smaller score is better."""
        return self.record.direction

    @functools.cached_property
    def ranked(self) -> tuple[Trial, ...]:
        """Trials with a score that were trained to their end, best first; of equals, the earlier first."""
        return rank(self.trials, self.direction)

    @functools.cached_property
    def varied(self) -> tuple[str, ...]:
        """Parameters in which trials differ, or which some lack."""
        names = dict.fromkeys(name for trial in self.trials for name in trial.params)
        return tuple(name for name in names if len({repr(trial.params.get(name)) for trial in self.trials}) > 1)

    @functools.cached_property
    def varied_in_ranked(self) -> tuple[str, ...]:
        """Parameters of which the ranked trials have two values at least: only these can matter to their scores."""
        names = dict.fromkeys(name for trial in self.ranked for name in trial.params)
        return tuple(
            name
            for name in names
            if len({repr(trial.params[name]) for trial in self.ranked if name in trial.params}) > 1
        )

    @property
    def winner(self) -> Trial | None:
        """The trial that is the answer: see `answer_number`."""
        by_number, best = {trial.number: trial for trial in self.trials}, next(iter(self.ranked), None)
        number = answer_number(
            by_number, measured=self.measurement, confirmation=self.confirmation, best=best.number if best else None
        )
        return None if number is None else by_number[number]
