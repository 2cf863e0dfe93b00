"""`best/record.json`: other models on the test images of the one handed over, for the record, not for choosing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

from objectives.evaluation.metrics import Direction
from reports.stored.outcome import Ended, rank
from reports.stored.records import MetricScore

ANSWER, SEARCH, BASELINE, START = "answer", "search", "baseline", "start"
"""Roles: the model that is handed over, the best trial of the search, the best hand-made baseline, the best start."""


class Entered(Ended, Protocol):
    """A trial with what it is of the space's."""

    @property
    def start(self) -> str | None: ...


T = TypeVar("T", bound=Entered)


@dataclass(frozen=True, kw_only=True)
class OnTest:
    """One model on the test images."""

    accuracy: float
    interval_95: tuple[float, float]
    """Wilson's score interval."""
    score: MetricScore
    """The metric that the study optimises."""
    loss: float
    macro_f1: float
    calibration_error: float


@dataclass(frozen=True, kw_only=True)
class AgainstAnswer:
    """Another model and the one that is handed over, on the same test images."""

    only_answer_right: int
    only_this_right: int
    p_accuracy: float
    """Of McNemar's exact test."""
    p_score: float | None
    """Of the paired bootstrap of the study's metric; None where that is the accuracy."""


@dataclass(frozen=True, kw_only=True)
class RecordRow:
    """A model for the record."""

    role: str
    trial: int | None
    name: str | None
    """Of the baseline or the start that the trial is."""
    test: OnTest | None = None
    against_answer: AgainstAnswer | None = None
    """None for the answer itself, also where it has another role too."""
    missing: str | None = None
    """Why it was not measured."""
    is_refit: bool = False
    """Whether it was trained on the validation images too."""

    @property
    def title(self) -> str:
        """The model in words: "best hand-made baseline by_hand, trial 0"."""
        titles = {
            ANSWER: "handed over",
            SEARCH: "best of the search",
            BASELINE: "best hand-made baseline",
            START: "best recommended start",
        }
        name = f" {self.name}" if self.name and self.role in (BASELINE, START) else ""
        trial = "" if self.trial is None else f", trial {self.trial}"
        return f"{titles.get(self.role, self.role)}{name}{trial}{', refitted' if self.is_refit else ''}"


@dataclass(frozen=True, kw_only=True)
class ForTheRecord:
    """All of them; they were chosen by validation images, and so is their order."""

    schema: int
    images: int
    """Test images."""
    rows: tuple[RecordRow, ...]
    """The answer first."""


def recorded_trials(trials: tuple[T, ...], direction: Direction) -> dict[str, T]:
    """Return the trial of each role but the answer's, by validation score; a role without a trial is left out.

    Args:
        trials: in the order of their numbers; only those that are complete are considered.
        direction: of their scores.
    """
    ranked = rank(trials, direction)
    found = {
        SEARCH: ranked,
        BASELINE: [trial for trial in ranked if trial.baseline is not None],
        START: [trial for trial in ranked if trial.start is not None],
    }
    return {role: of_role[0] for role, of_role in found.items() if of_role}
