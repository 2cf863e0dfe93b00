"""The interface through which the driver shows a search.

All of it goes to stderr: stdout carries data only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from objectives.evaluation.metrics import Direction
    from objectives.messages import EpochReport
    from reports.stored.records import TrialRecord
    from search.results.summary import RunSummary
    from spaces.space import Parameters


@dataclass(frozen=True, kw_only=True)
class SearchPlan:
    """The search that is about to run."""

    study: str
    space: str
    data: str
    metric: str
    direction: Direction
    trials: int
    """Number of trials of the study, those of earlier runs included."""
    epochs: int
    """Epochs of a trial that is not pruned."""
    workers: int
    timeout_seconds: float | None = None
    """From the start of the command."""
    seconds_before: float = 0.0
    """Since the start of the command."""
    earlier: tuple[TrialRecord, ...] = ()
    """Trials that the study holds already."""


class Progress:
    """Shows a search while it runs. The driver calls these methods as things happen; they must never raise.

    Here they do nothing; each display overrides those that it shows.
    """

    def phase(self, line: str) -> None:
        """Show what is being done before the first trial or after the last: "loading digits"."""

    def phase_reached(self, done: int, of: int, thing: str) -> None:
        """Show how far that is: 512 of 10,000 images."""

    def started(self, plan: SearchPlan) -> None:
        """The search is about to ask for its first trial."""

    def planned(self, trials: int) -> None:
        """The total number of trials has changed."""

    def trial_started(
        self, trial: int, params: Parameters, *, worker: int, title: str = "", epochs: int | None = None
    ) -> None:
        """A trial was given to a worker, or with a negative number, a recipe that is trained again.

        Its title stands for "trial 3"; its epochs are None where they are the plan's.
        """

    def epoch_reported(self, trial: int, report: EpochReport, *, worker: int) -> None:
        """A worker finished an epoch."""

    def trial_paused(self, trial: int) -> None:
        """A worker no longer trains a trial, which the next run continues."""

    def trial_ended(self, record: TrialRecord) -> None:
        """A trial ended in any of its states, and is recorded."""

    def note(self, line: str) -> None:
        """Show a line once: a worker that died, a stop that was requested."""

    def info(self, line: str) -> None:
        """Show a line once that reports nothing unusual: what the workers compute on. `--quiet` leaves it out."""
        self.note(line)

    def finished(self, summary: RunSummary) -> None:
        """The study has this result; called where no error ends the search."""

    def ended(self) -> None:
        """The search is over; called whichever way it ends."""
