"""ASHA by the published rule (Li et al. 2020), in simulated time: nothing is stopped, only paused and perhaps promoted.

Tamiz' `--pruner halving` is Optuna's: it decides once, when a trial reaches a rung, and what it stops stays stopped.
Here an idle worker continues the best waiting trial that is in the best third of its rung, whenever it got there, and
begins a new one where there is none. The search loop cannot do that, hence this small loop of its own.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.curves.simulation import WORKERS, Curve, Ended

REDUCTION = 3
"""One in so many is promoted."""


@dataclass
class _Rung:
    """The trials that were trained for so many epochs."""

    epochs: int
    reached: list[tuple[float, int]]
    """Score and number."""
    promoted: set[int]

    def promotable(self) -> int | None:
        """Return the best trial that may go on and has not."""
        best = sorted(self.reached, reverse=True)[: len(self.reached) // REDUCTION]
        return next((trial for _, trial in best if trial not in self.promoted), None)


def search(curves: Sequence[Curve], *, epochs: int, timeout_seconds: float) -> list[Ended]:
    """Search among given trainings, in their order, and return those that were trained to their end, in time."""
    rungs = _rungs(epochs)
    ends: list[Ended] = []
    running: list[tuple[float, int, int]] = []
    """Time at which a worker is done, the trial, and the rung that it reaches then."""
    begun, now = 0, 0.0
    while True:
        while len(running) < WORKERS:
            promoted = next((n for n in reversed(range(len(rungs) - 1)) if rungs[n].promotable() is not None), None)
            if promoted is not None:
                trial = rungs[promoted].promotable()
                assert trial is not None
                rungs[promoted].promoted.add(trial)
                target, done = promoted + 1, rungs[promoted].epochs
            elif begun < len(curves):
                trial, target, done = begun, 0, 0
                begun += 1
            else:
                break
            heapq.heappush(running, (now + sum(curves[trial].seconds[done : rungs[target].epochs]), trial, target))
        if not running or running[0][0] > timeout_seconds:
            return ends
        now, trial, reached = heapq.heappop(running)
        curve, rung = curves[trial], rungs[reached]
        if len(curve.scores) < rung.epochs:
            continue  # it diverged
        rung.reached.append((max(curve.scores[: rung.epochs]), trial))
        if rung.epochs == epochs:
            ends.append(Ended(curve=curve, epochs=epochs, at_seconds=now, is_complete=True))


def _rungs(epochs: int) -> list[_Rung]:
    """Return rungs at 1, 3, 9 ... epochs, and at the last."""
    ends = [1]
    while ends[-1] * REDUCTION < epochs:
        ends.append(ends[-1] * REDUCTION)
    return [_Rung(epochs=end, reached=[], promoted=set()) for end in dict.fromkeys([*ends, epochs])]
