"""The end of a run as one record: the JSON object of `--json`, also stored as `summary.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from objectives.evaluation.metrics import Direction
from reports.stored.confirmation import Confirmation
from reports.stored.expected_gain import ExpectedGain
from reports.stored.for_the_record import ForTheRecord
from reports.stored.outcome import BestTrial, TestScore
from reports.wording import count
from spaces.records import to_plain

Status = Literal["done", "stopped", "failed", "running"]
schema = 1
TIMED_OUT = "timed out"
"""Reason of a run that `--timeout` ended."""


@dataclass(frozen=True, kw_only=True)
class TrialCounts:
    """How many trials of a study are in which state."""

    total: int
    """Asked for: `--trials`."""
    complete: int = 0
    pruned: int = 0
    failed: int = 0
    running: int = 0

    @property
    def ended(self) -> int:
        """Trials that will not change any more."""
        return self.complete + self.pruned + self.failed


@dataclass(frozen=True, kw_only=True)
class DataSummary:
    """The data of the study, in counts."""

    name: str
    fingerprint: str
    train: int
    """Images trained on."""
    validation: int
    test: int
    classes: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    """What was accepted with `--allow`."""


@dataclass(frozen=True, kw_only=True)
class Seconds:
    """Wall time of the study's runs and, summed over workers, of its trainings."""

    total: float
    training: float


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """How a run ended. Keys may be added, never renamed; None where the run did not get that far."""

    schema: int = schema
    study: str | None
    status: Status
    exit_code: int
    reason: str | None = None
    """Why it ended early, or which of its goals it reached."""
    resumable: bool = False
    resume_command: str | None = None
    metric: str | None = None
    direction: Direction | None = None
    more_command: str | None = None
    """The command that adds trials to a study that is done; None: it is not, or it can have no more."""
    trials: TrialCounts | None = None
    best: BestTrial | None = None
    """The answer: the trial whose model is handed over; until there is one, the best of the search."""
    best_of_search: BestTrial | None = None
    """The trial with the best score of the search, where it is another one."""
    baselines: Mapping[str, float | None] | None = None
    """Name of each hand-made baseline to its validation score; None for one that has no score."""
    confirmed: Confirmation | None = None
    """How the winner was chosen among the best recipes, by training them again; None: by its search score alone."""
    test: TestScore | None = None
    for_the_record: ForTheRecord | None = None
    """Other models on the test images, after everything was chosen."""
    expected_gain: ExpectedGain | None = None
    """Of further trials; None: too few have ended to tell, or there can be no more."""
    data: DataSummary | None = None
    seconds: Seconds | None = None
    epochs_trained: int = 0
    run_dir: str | None = None
    report: str | None = None
    model: str | None = None
    devices: tuple[str, ...] = ()
    """What trials were trained on, each once."""
    latest: str | None = None
    """The last line of its log, while it runs."""

    def to_json(self) -> str:
        """Return the one JSON object, indented, without a newline at its end."""
        return json.dumps(to_plain(self), indent=2, ensure_ascii=True, allow_nan=False)


def counts_in_words(counts: TrialCounts) -> str:
    """Return "5 of 8 trials: 3 complete, 1 pruned, 1 failed, 2 running"; states without trials are left out."""
    states = ("complete", "pruned", "failed", "running")
    parts = [f"{getattr(counts, state)} {state}" for state in states if getattr(counts, state)]
    total = count(counts.total, "trial")
    return f"{counts.ended} of {total}{': ' + ', '.join(parts) if parts else ''}"
