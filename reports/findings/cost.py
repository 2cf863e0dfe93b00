"""What a search took: time, epochs, and trials by how they ended."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from reports.stored.run import Run


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What the search took."""

    wall_seconds: float | None
    """From the first trial's start to the last one's end."""
    training_seconds: float
    epochs: int
    epochs_saved: int
    """Epochs that pruned trials were spared."""
    complete: int
    pruned: int
    failed: int
    running: int


def find_cost(run: Run) -> Cost:
    """Return what a run took so far."""
    ended = [trial.record for trial in run.trials if trial.record]
    states = [trial.state for trial in run.trials]
    planned = run.record.epochs
    return Cost(
        wall_seconds=_wall_seconds([(record.started, record.ended) for record in ended]),
        training_seconds=sum(record.seconds_training for record in ended),
        epochs=sum(trial.epochs for trial in run.trials),
        epochs_saved=sum(planned - trial.epochs for trial in run.trials if trial.state == "PRUNED"),
        complete=states.count("COMPLETE"),
        pruned=states.count("PRUNED"),
        failed=states.count("FAIL"),
        running=states.count("RUNNING"),
    )


def _wall_seconds(spans: list[tuple[str, str]]) -> float | None:
    try:
        started = min(datetime.datetime.fromisoformat(start) for start, _ in spans)
        ended = max(datetime.datetime.fromisoformat(end) for _, end in spans)
        return (ended - started).total_seconds()
    except (ValueError, TypeError):
        return None
