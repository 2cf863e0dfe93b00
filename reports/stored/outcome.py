"""What a study came to, from the records of its trials: the part that report, status and `--json` share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from objectives.evaluation.metrics import Direction


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
    """The winner on the test images, measured once."""

    __test__ = False  # not a test class for pytest

    accuracy: float
    interval_95: tuple[float, float]
    """Wilson's score interval."""
    images: int


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
