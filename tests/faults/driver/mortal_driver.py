"""A driver that is killed at a chosen step: whatever it would write after that, it does not write."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from search.storage.errors import DatabaseUnavailableError
from search.storage.write_behind import WriteBehindStudy
from search.workers.protocol import EpochReported, Event
from tests.search.fixtures.scripted_workers import ScriptedWorkers


class Killed(BaseException):
    """Like SIGKILL: no handler does anything after it, because every further step raises it again."""


class Life:
    """Counts the steps of one run of the driver."""

    def __init__(self, *, steps: int | None, away: tuple[int, int] = (0, 0)) -> None:
        """Let the driver die at a step, from 0; None: never. The database is away from one save to another."""
        self.steps = 0
        self.saves = 0
        self.ended = False
        self._last = steps
        self._away = range(*away)

    def step(self) -> None:
        """Do the next step, or die."""
        if self.ended or self.steps == self._last:
            self.ended = True
            raise Killed
        self.steps += 1

    def save(self) -> None:
        """Reach the database, unless it is away."""
        self.saves += 1
        if self.saves - 1 in self._away:
            raise DatabaseUnavailableError("connection refused")


@contextmanager
def mortal(life: Life) -> Iterator[None]:
    """Make each thing that stays on disk a step, before it and after it."""

    def around(act: Callable[..., Any], *, saves: bool = False) -> Callable[..., Any]:
        def acted(*args: Any, **named: Any) -> Any:
            life.step()
            if saves:
                life.save()
            done = act(*args, **named)
            life.step()
            return done

        return acted

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in [(Path, "replace"), (Path, "unlink"), (Path, "write_bytes"), (shutil, "rmtree")]:
            patch.setattr(owner, name, around(getattr(owner, name)))
        patch.setattr(WriteBehindStudy, "save", around(WriteBehindStudy.save, saves=True))
        yield


class InterleavedWorkers(ScriptedWorkers):
    """Scripted workers whose messages come in a drawn order; those of one worker keep theirs."""

    order: Callable[[int], int] = staticmethod(lambda choices: 0)  # type: ignore[assignment]
    """Which of so many workers is heard next."""
    seen: list[tuple[int, int]]
    """(trial, epoch) of each report that the driver was given."""

    def next_event(self, timeout_seconds: float) -> Event | None:
        """Give the first message of one of the workers."""
        firsts = list({event.worker: place for place, event in reversed(list(enumerate(self._events)))}.values())
        if firsts:
            place = sorted(firsts)[self.order(len(firsts))]
            event = self._events[place]
            self._events = deque([event, *(one for one in self._events if one is not event)])
        given = super().next_event(timeout_seconds)
        if isinstance(given, EpochReported):
            self.seen.append((given.trial, given.report.epoch))
        return given
