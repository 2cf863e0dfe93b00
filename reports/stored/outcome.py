"""What a study came to, from the records of its trials: the part that report, status and `--json` share."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from objectives.evaluation.metrics import Direction
from reports.stored.confirmation import Confirmation, Kind
from reports.stored.records import Measurement, MetricScore, Refit, TrialRecord
from reports.wording import count

GRID_TRIED = "every point of the grid was tried"
"""Reason of a study by a grid, or of a designed one, that has no more trials."""
SPACE_TRIED = "the space is exhausted: no recipe was found that had not been tried"
"""Reason of any other study that has no more trials."""
EXHAUSTED = (GRID_TRIED, SPACE_TRIED)
NO_MORE = "tamiz:exhausted"
"""Study attribute: one of `EXHAUSTED`; absent or empty where there are more trials."""


class Ended(Protocol):
    """A trial, as a report reads it or as its `result.json` holds it."""

    @property
    def state(self) -> str: ...
    @property
    def score(self) -> float | None: ...
    @property
    def baseline(self) -> str | None: ...


T = TypeVar("T", bound=Ended)


@dataclass(frozen=True, kw_only=True)
class BestTrial:
    """The winner."""

    trial: int
    value: float
    """Its score on the validation images."""
    params: Mapping[str, Any]
    recipe: Mapping[str, Any] | None
    """`Recipe.to_plain`; None: missing or damaged."""
    parameters: int | None
    """Weights of the network."""
    epochs: int
    """Epochs trained."""
    baseline: str | None = None
    """Name of the hand-made baseline that it is; None: it is not one."""


@dataclass(frozen=True, kw_only=True)
class TestScore:
    """The winner on the test images."""

    __test__ = False  # not a test class for pytest

    accuracy: float
    interval_95: tuple[float, float]
    """Wilson's score interval."""
    images: int
    score: MetricScore | None = None
    """Of the study's metric; None where an earlier version measured the accuracy alone."""
    kind: Kind = "search"
    refit: Refit | None = None
    """How the model was trained, where it is a refit."""


def refit_words(refit: Refit) -> str:
    """Return "of a refit on 1,437 training and validation images, for 8 epochs"."""
    return f"of a refit on {refit.images:,} training and validation images, for {count(refit.epochs, 'epoch')}"


def measured_score(measured: Measurement | None, metric: str) -> TestScore | None:
    """Return a measurement of the winner of a study that optimises `metric`; None where there is none."""
    if measured is None or not measured.images:
        return None
    score = measured.score
    if score is None and metric == "val_accuracy":
        score = MetricScore(metric="accuracy", value=measured.accuracy, interval_95=measured.interval_95)
    return TestScore(
        accuracy=measured.accuracy,
        interval_95=measured.interval_95,
        images=measured.images,
        score=score,
        refit=measured.refit,
        kind=measured.kind,
    )


def answer_number(
    trials: Container[int], *, measured: Measurement | None, confirmation: Confirmation | None, best: int | None
) -> int | None:
    """Return the trial that is a study's answer; None: there is none yet.

    It is the trial whose model was measured and handed over, else the one that its confirmation chose, else the best of
    the search.
    """
    numbers = (measured.trial if measured else None, confirmation.chosen if confirmation else None)
    return next((number for number in numbers if number is not None and number in trials), best)


def rank(trials: Iterable[T], direction: Direction, *, state: str = "COMPLETE") -> tuple[T, ...]:
    """Return the trials in one state that have a score, best first; of equals, the one that comes first."""
    scored = [
        (direction.sign * trial.score, trial) for trial in trials if trial.state == state and trial.score is not None
    ]
    return tuple(trial for _, trial in sorted(scored, key=lambda pair: -pair[0]))


def baseline_trials(names: Iterable[str], trials: Iterable[T]) -> dict[str, T | None]:
    """Return each baseline's trial; None for one that has no trial with a score yet."""
    scored = [trial for trial in trials if trial.score is not None]
    return {name: next((trial for trial in scored if trial.baseline == name), None) for name in names}


def devices_of(trials: Iterable[TrialRecord]) -> tuple[str, ...]:
    """Return what trials were trained on, each device once, in the order of the trials."""
    return tuple(dict.fromkeys(trial.device for trial in trials if trial.device is not None))
