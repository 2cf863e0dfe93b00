"""Presets: what `--preset` sets, for searches of about a given time on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MOST_TRIALS = 1000
"""Trials of a study until its first one has shown how long they take."""
_used = 0.9
"""Part of the time that is planned for; trials differ from the first."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One value of `--preset`."""

    help: str
    options: Mapping[str, object]
    """What it sets, by name; what is typed is stronger."""


PRESETS = {
    "quick": Preset(
        help="about 5 minutes", options={"timeout": 300.0, "epochs": 8, "pruner": "percentile", "refit": "off"}
    ),
    "good": Preset(
        help="about an hour", options={"timeout": 3600.0, "epochs": 16, "pruner": "percentile", "refit": "auto"}
    ),
    "best": Preset(
        help="overnight, 8 hours", options={"timeout": 28800.0, "epochs": 24, "pruner": "percentile", "refit": "on"}
    ),
}


def trials_that_fit(*, seconds_left: float, trial_seconds: float, workers: int, started: int, running: int) -> int:
    """Return the total number of trials of a study that fits into a time.

    Args:
        seconds_left: for trials.
        trial_seconds: of one, in the mean.
        workers: that train at a time.
        started: trials that have started already.
        running: those of them that have not ended; half of each is taken to be left.
    """
    further = int(seconds_left * _used * workers / max(trial_seconds, 1e-3) - running / 2)
    return min(MOST_TRIALS, started + max(0, further))
