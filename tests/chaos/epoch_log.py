"""What `watched_space` wrote down: which epochs were trained, heard of, and trained again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Line:
    """An epoch that a worker has trained, or the driver has heard of."""

    verb: str
    """"trained" or "heard"."""
    trial: int
    epoch: int
    at: float
    """Seconds since 1970."""


@dataclass(frozen=True, kw_only=True)
class Again:
    """An epoch that the driver heard of a second time."""

    trial: int
    epoch: int
    first: float
    """When it was heard of before, in seconds since 1970."""
    second: float


@dataclass(frozen=True, kw_only=True)
class EpochLog:
    """All lines, in the order in which they were written."""

    lines: tuple[Line, ...]

    @classmethod
    def read(cls, path: Path) -> EpochLog:
        """Return what the file holds so far; nothing where there is none yet."""
        words = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
        return cls(
            lines=tuple(
                Line(verb=verb, trial=int(trial), epoch=int(epoch), at=float(at)) for verb, trial, epoch, at in words
            )
        )

    @property
    def heard(self) -> list[Line]:
        """Epochs that the driver heard of, again ones included."""
        return [line for line in self.lines if line.verb == "heard"]

    @property
    def epochs(self) -> set[tuple[int, int]]:
        """(trial, epoch) of each that the driver heard of."""
        return {(line.trial, line.epoch) for line in self.heard}

    @property
    def trained(self) -> set[tuple[int, int]]:
        """(trial, epoch) of each that a worker has trained."""
        return {(line.trial, line.epoch) for line in self.lines if line.verb == "trained"}

    @property
    def again(self) -> list[Again]:
        """Each hearing of an epoch that was heard of before."""
        before: dict[tuple[int, int], float] = {}
        found = []
        for line in self.heard:
            first = before.get((line.trial, line.epoch))
            if first is not None:
                found.append(Again(trial=line.trial, epoch=line.epoch, first=first, second=line.at))
            before[line.trial, line.epoch] = line.at
        return found

    @property
    def unheard(self) -> int:
        """How many epochs workers trained of which no driver lived to hear."""
        return sum(line.verb == "trained" for line in self.lines) - len(self.heard)

    def since(self, lines: int) -> Sequence[Line]:
        """Return the lines after the first so many."""
        return self.lines[lines:]
