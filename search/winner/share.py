"""How long the steps after a search will take: the share of `--timeout` that is kept for them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reports.stored.records import TrialRecord
from search.trainings.parts import SearchParts

SEEDS = 2
"""Fresh seeds with which each candidate for the winner is trained again."""
MOST_CANDIDATES = 3
"""Unless `--confirm` says otherwise."""
MOST_OF_SEARCH = 0.25
"""Of the search's training time, unless `--confirm` says how many candidates there may be."""
_measuring_seconds = 10.0
"""For measuring and for the report, on the computer of `make demo`."""
_most_of_timeout = 0.4
"""The share is an estimate: the search itself has the larger part in any case."""


def cost_seconds(trial: TrialRecord) -> float:
    """Return the time that a trial took, and that training its recipe again will take."""
    return trial.seconds_training + (trial.seconds_building or 0.0)


def wanted_candidates(parts: SearchParts) -> int | None:
    """Return how many candidates there may be; None: the default. A designed space repeats its recipes by itself."""
    wanted = parts.settings.confirm
    return 0 if wanted is None and parts.study.is_design else wanted


def confirming_seconds(parts: SearchParts, trials: Sequence[TrialRecord]) -> float:
    """Return about how long confirming the winner will take, from the search's trials so far."""
    costs = [cost_seconds(trial) for trial in trials if trial.state == "COMPLETE"]
    wanted, workers = wanted_candidates(parts), parts.workers.count
    candidates = min(len(costs), MOST_CANDIDATES if wanted is None else wanted)
    if not candidates:
        return 0.0
    seconds = math.ceil(SEEDS * candidates / workers) * sum(costs) / len(costs)
    return seconds if wanted is not None else min(seconds, MOST_OF_SEARCH * sum(map(cost_seconds, trials)) / workers)


def keep_share(parts: SearchParts, trials: Sequence[TrialRecord]) -> None:
    """Keep a share of `--timeout`, if there is one, for what follows the search.

    Args:
        parts: of the search.
        trials: that have ended; empty: only measuring is to follow.
    """
    timeout = parts.settings.timeout_seconds
    if timeout is not None:
        seconds = _measuring_seconds + confirming_seconds(parts, trials)
        parts.budget.reserved_seconds = min(seconds, _most_of_timeout * timeout)
