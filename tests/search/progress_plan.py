"""A small search as a progress is told of it."""

from __future__ import annotations

from objectives.records import EpochReport
from reports.records import TrialRecord, TrialState
from search.progress import SearchPlan
from spaces.space import Parameters


def plan(
    *, trials: int = 8, workers: int = 2, earlier: tuple[TrialRecord, ...] = (), timeout_seconds: float | None = None
) -> SearchPlan:
    """Return the plan of a search on digits, four epochs a trial."""
    return SearchPlan(
        study="net-digits",
        space="net",
        data="digits",
        metric="val_accuracy",
        direction="maximize",
        trials=trials,
        epochs=4,
        workers=workers,
        timeout_seconds=timeout_seconds,
        earlier=earlier,
    )


def ended(
    trial: int,
    *,
    score: float | None = 0.5,
    state: TrialState = "COMPLETE",
    seconds: float = 10.0,
    params: Parameters | None = None,
    baseline: str | None = None,
    message: str | None = None,
) -> TrialRecord:
    """Return the record of a trial that ended after its fourth epoch, the third being its best."""
    return TrialRecord(
        schema=1,
        trial=trial,
        state=state,
        score=score,
        best_epoch=None if score is None else 3,
        epochs=4,
        params=params or {"filters": 16, "learning_rate": 0.00123},
        baseline=baseline,
        parameters=1000,
        seconds_building=0.0,
        seconds_training=seconds,
        seed=0,
        attempt=1,
        worker="0",
        message=message,
        started="2026-01-01T00:00:00+00:00",
        ended="2026-01-01T00:00:10+00:00",
    )


def epoch(number: int, score: float = 0.5) -> EpochReport:
    """Return the report of an epoch."""
    return EpochReport(epoch=number, score=score, metrics={}, seconds=1.0)
