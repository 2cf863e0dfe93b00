"""What is trained after a search."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.searches import plan as searches
from benchmarks.searches.table import Row, parsed
from objectives.messages import Part
from spaces.catalogue import find_space

FRESH = (1_000_000, 1_000_001)
"""Numbers from which the seeds are derived with which candidates are confirmed, far from those of trials."""
REFITS = (3_000_000, 3_000_001, 3_000_002)
"""Numbers of refits."""
KEPT = 5
"""Models of this many recipes are put together."""
CANDIDATES = 3
SAMPLER = "tpe"
_trained_part = 1 - 1 / 5
"""Of training and validation images, those that are trained on in a search."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One training after a search."""

    images_seed: int
    parameters: str
    """As JSON."""
    number: int
    """From which its seed is derived; that of the trial: trained as in the search."""
    epochs: int
    part: Part

    @property
    def file(self) -> str:
        """Where its predictions are stored."""
        recipe = hashlib.sha256(self.parameters.encode()).hexdigest()[:12]
        return f"{self.images_seed}-{recipe}-{self.number}-{self.epochs}-{self.part}.npz"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be done for each seed."""

    space: str
    data: str
    trials: int
    epochs: int
    is_only_optimism: bool
    folder: Path

    @property
    def place(self) -> Path:
        """The folder of these searches."""
        return self.folder / f"{self.space}-{self.data}-{self.trials}x{self.epochs}"

    @property
    def searches(self) -> searches.Plan:
        """The searches as `benchmarks.searches` makes them."""
        return searches.Plan(
            space=self.space, data=self.data, samplers=(SAMPLER,), trials=self.trials, epochs=self.epochs
        )

    def trials_of(self, seed: int) -> list[Row]:
        """Return the trials that the folder holds of one seed."""
        return [row for row in self.rows() if row.images_seed == seed]

    def rows(self) -> list[Row]:
        """Return the trials that the folder holds."""
        path = self.place / "searches.csv"
        return parsed(path.read_text()) if path.exists() else []

    def again(self, trial: Row) -> Job:
        """Return the training of a trial as it was in the search."""
        return Job(
            images_seed=trial.images_seed,
            parameters=trial.parameters,
            number=trial.number,
            epochs=self.epochs,
            part="train",
        )

    def fresh(self, trial: Row) -> list[Job]:
        """Return the trainings of a trial's recipe with fresh seeds."""
        return [replace(self.again(trial), number=number) for number in FRESH]

    def refit(self, trial: Row, *, number: int = REFITS[0], times: float = 1.0) -> Job:
        """Return the training of a trial's recipe on all images but those of the test, for some times its epochs."""
        return replace(self.again(trial), number=number, epochs=round(self.epochs * times), part="all")

    def same_steps(self, trial: Row) -> Job:
        """Return the refit that takes as many steps as the search's training did."""
        return self.refit(trial, times=_trained_part)

    def jobs(self, trials: Sequence[Row]) -> list[Job]:
        """Return what is trained after a search, but for the refit of the recipe that is confirmed."""
        best = distinct(trials)
        winner = best[0]
        fresh = [job for trial in best[:CANDIDATES] for job in self.fresh(trial)]
        if self.is_only_optimism:
            return [self.again(winner), *fresh]
        refits = [self.refit(winner, number=number) for number in REFITS]
        named = [self.refit(trial) for trial in (start_of(trials), baseline_of(trials)) if trial is not None]
        others = [self.again(trial) for trial in best[1:KEPT]]
        longer = [self.same_steps(winner), self.refit(winner, times=1.5)]
        return [self.again(winner), *refits, *longer, *named, *others, *fresh]


def distinct(trials: Sequence[Row]) -> list[Row]:
    """Return the completed trials, best first, without those whose recipe a better one has."""
    complete = [trial for trial in trials if trial.state == "COMPLETE"]
    best: dict[str, Row] = {}
    for trial in sorted(complete, key=lambda trial: (-trial.score, trial.trial)):
        best.setdefault(trial.parameters, trial)
    return [*best.values()]


def start_of(trials: Sequence[Row]) -> Row | None:
    """Return the start `norm_one_cycle`, the one that the documentation recommends."""
    return next((trial for trial in trials if trial.name == "norm_one_cycle"), None)


def baseline_of(trials: Sequence[Row]) -> Row | None:
    """Return the best hand-made network of the space."""
    named = [trial for trial in distinct(trials) if trial.name in find_space(trial.space).baselines]
    return named[0] if named else None


def values_of(job: Job) -> dict[str, object]:
    """Return the parameters of a job."""
    values: dict[str, object] = json.loads(job.parameters)
    return values
