"""What is done to a study, and when: schedules of faults, each drawn from a seed and its number alone."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """A kind of fault, by what a person would call it."""

    WORKER_KILLED = "worker: SIGKILL"
    WORKER_TERMINATED = "worker: SIGTERM"
    WORKER_STOPPED = "worker: SIGSTOP, SIGCONT"
    DRIVER_KILLED = "driver: SIGKILL"
    DRIVER_INTERRUPTED = "driver: SIGINT"
    DRIVER_INTERRUPTED_TWICE = "driver: SIGINT twice"
    DRIVER_TERMINATED = "driver: SIGTERM"
    DRIVER_STOPPED = "driver: SIGSTOP, SIGCONT"
    RAYLET_KILLED = "raylet: SIGKILL"
    RAYLET_STOPPED = "raylet: SIGSTOP, SIGCONT"
    GCS_KILLED = "GCS: SIGKILL"
    GCS_STOPPED = "GCS: SIGSTOP, SIGCONT"
    DATABASE_AWAY = "database locked, or down"

    @property
    def epochs_lost_by(self) -> str:
        """Who may lose an epoch by it: "nobody", "one worker" or "every worker"."""
        if self in (Kind.WORKER_KILLED, Kind.WORKER_TERMINATED):
            return "one worker"
        if self in _ENDS_ALL:
            return "every worker"
        return "nobody"

    def may_cost(self, workers: int) -> int:
        """How many epochs may be trained again for one of it."""
        return {"nobody": 0, "one worker": 1, "every worker": workers}[self.epochs_lost_by]


_ENDS_ALL = (
    Kind.DRIVER_KILLED,
    Kind.DRIVER_INTERRUPTED_TWICE,
    Kind.DRIVER_TERMINATED,
    Kind.RAYLET_KILLED,
    Kind.GCS_KILLED,
)
_WEIGHTS = {
    Kind.WORKER_KILLED: 6,
    Kind.WORKER_TERMINATED: 1,
    Kind.WORKER_STOPPED: 2,
    Kind.DRIVER_KILLED: 6,
    Kind.DRIVER_INTERRUPTED: 2,
    Kind.DRIVER_INTERRUPTED_TWICE: 1,
    Kind.DRIVER_TERMINATED: 2,
    Kind.DRIVER_STOPPED: 1,
    Kind.RAYLET_KILLED: 2,
    Kind.RAYLET_STOPPED: 1,
    Kind.GCS_KILLED: 2,
    Kind.GCS_STOPPED: 1,
    Kind.DATABASE_AWAY: 4,
}
_longest_away_seconds = 6.0
_longest_start_seconds = 12.0
_most_epochs_between = 6


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault and its moment, which is counted from the fault before it, or from the run's beginning."""

    kind: Kind
    epochs: int | None
    """Strikes after so many more epochs; None: after the last trial has ended."""
    seconds: float
    """So long after that."""
    lasts_seconds: float = 0.0
    """Until a stopped process goes on, or the database is back; until the second Ctrl-C."""
    worker: int = 0
    """Which one it strikes, of those there are then."""

    def __str__(self) -> str:
        after = "the last trial" if self.epochs is None else f"{self.epochs} epochs"
        lasts = f", for {self.lasts_seconds:.1f} s" if self.lasts_seconds else ""
        return f"{self.kind.value}{lasts}, {self.seconds:.1f} s after {after}"


@dataclass(frozen=True, kw_only=True)
class Start:
    """How the study is continued after a run that did not finish it."""

    verb: str
    """"run" again with the same options, or "resume"."""
    pause_seconds: float


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A study and what happens to it."""

    seed: int
    number: int
    study_seed: int
    workers: int
    storage: str
    """"sqlite" or "postgresql"."""
    faults: tuple[Fault, ...]
    starts: tuple[Start, ...]

    def __str__(self) -> str:
        workers = "1 worker" if self.workers == 1 else f"{self.workers} workers"
        lines = [f"schedule {self.number} of seed {self.seed}: {workers}, {self.storage}, study seed {self.study_seed}"]
        return "\n".join([*lines, *(f"  {fault}" for fault in self.faults)])


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What schedules are drawn from."""

    workers: tuple[int, ...] = (1, 2)
    storages: tuple[str, ...] = ("sqlite", "postgresql")
    most_faults: int = 3
    studies: int = 2
    """So many different ones are searched, each of which needs its undisturbed twin once."""


def draw(*, seed: int, number: int, choices: Choices) -> Schedule:
    """Return a schedule, always the same for the same arguments."""
    chance = random.Random(f"{seed}/{number}")
    faults = [_fault(chance) for _ in range(chance.randint(1, choices.most_faults))]
    faults.sort(key=lambda fault: fault.epochs is None)  # nothing comes after the end
    return Schedule(
        seed=seed,
        number=number,
        study_seed=chance.randrange(choices.studies),
        workers=chance.choice(choices.workers),
        storage=chance.choice(choices.storages),
        faults=tuple(faults),
        starts=tuple(
            Start(verb=chance.choice(("run", "resume")), pause_seconds=chance.choice((0.0, chance.uniform(0, 3))))
            for _ in faults
        ),
    )


def _fault(chance: random.Random) -> Fault:
    kind = chance.choices(list(_WEIGHTS), weights=list(_WEIGHTS.values()))[0]
    phase = chance.choices(("starting", "training", "ending"), weights=(2, 7, 1))[0]
    return Fault(
        kind=kind,
        epochs={"starting": 0, "training": chance.randint(1, _most_epochs_between), "ending": None}[phase],
        seconds=chance.uniform(0, {"starting": _longest_start_seconds, "training": 1.0, "ending": 3.0}[phase]),
        lasts_seconds=_lasts(kind, chance),
        worker=chance.randrange(1000),
    )


def _lasts(kind: Kind, chance: random.Random) -> float:
    if kind is Kind.DRIVER_INTERRUPTED_TWICE:
        return chance.uniform(0.05, 0.5)
    if kind is Kind.DATABASE_AWAY or "SIGSTOP" in kind.value:
        return chance.uniform(0.2, _longest_away_seconds)
    return 0.0
