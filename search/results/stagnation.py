"""Whether going on is still worth it, by `--no-improvement-trials` and `--min-gain`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from objectives.evaluation.metrics import METRICS
from reports.stored.expected_gain import expected_gain
from reports.stored.records import TrialRecord
from reports.wording import count


@dataclass(frozen=True, kw_only=True)
class Stagnation:
    """A study that has stopped improving."""

    reason: str
    """In words."""
    more: str
    """The option that lets it continue nevertheless, after a space."""


def find_stagnation(settings: Mapping[str, Any], trials: Sequence[TrialRecord]) -> Stagnation | None:
    """Return how a study has stopped improving by its own settings; None: it has not, or they set no such limit.

    Args:
        settings: of the run, by field of `RunSettings`.
        trials: those that have ended.
    """
    limit, min_gain = settings.get("no_improvement_trials"), settings.get("min_gain")
    if limit is not None and (since := trials_since_best(trials, settings["metric"])) >= limit:
        return Stagnation(
            reason=f"the last {count(since, 'trial')} brought no better score",
            more=f" --no-improvement-trials {2 * since}",
        )
    if min_gain is not None and (expected := expected_gain(trials, settings["metric"])) and expected.mean < min_gain:
        return Stagnation(
            reason=f"another {expected.trials} trials would likely gain less than {min_gain:g}", more=" --min-gain 0"
        )
    return None


def trials_since_best(trials: Sequence[TrialRecord], metric: str) -> int:
    """Return how many trials have ended since one improved the best score; failed ones tell nothing and don't count."""
    direction = METRICS[metric].direction
    best: float | None = None
    since = 0
    for trial in sorted(trials, key=lambda trial: (trial.ended, trial.trial)):
        if (
            trial.state == "COMPLETE"
            and trial.score is not None
            and (best is None or direction.is_better(trial.score, best))
        ):
            best, since = trial.score, 0
        elif trial.state != "FAIL" and best is not None:
            since += 1
    return since
