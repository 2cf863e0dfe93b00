"""What the driver tells the person who waits.

All of it goes to stderr: stdout carries data only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from objectives.evaluation.metrics import Direction
    from objectives.messages import EpochReport
    from reports.stored.records import TrialRecord
    from spaces.space import Parameters


@dataclass(frozen=True, kw_only=True)
class SearchPlan:
    """What a search is about to do."""

    study: str
    space: str
    data: str
    metric: str
    direction: Direction
    trials: int
    """Total of the study."""
    epochs: int
    """Epochs of a trial that is not pruned."""
    workers: int
    timeout_seconds: float | None = None
    earlier: tuple[TrialRecord, ...] = ()
    """Trials that the study holds already."""


class Progress(Protocol):
    """Told by the driver as things happen; never answers, never raises."""

    def phase(self, line: str) -> None:
        """Say what is being done before the first trial or after the last: "loading digits"."""

    def started(self, plan: SearchPlan) -> None:
        """The first trial is about to be asked for."""

    def trial_started(self, trial: int, params: Parameters, *, worker: int) -> None:
        """A trial was given to a worker."""

    def epoch_reported(self, trial: int, report: EpochReport, *, worker: int) -> None:
        """A worker finished an epoch."""

    def trial_ended(self, record: TrialRecord) -> None:
        """A trial ended in any of its states, and is recorded."""

    def note(self, line: str) -> None:
        """Say something once: a worker that died, a stop that was asked for."""

    def ended(self) -> None:
        """Nothing more comes; called on every way out."""
