"""Rows 1, 2 and 20 of the fault table, after the last trial: a worker is lost, or hangs, while it measures the winner.

Given a search that has ended but for its winner; the fault is that the worker with the model dies, or falls silent; the
person reads that, and another worker measures; where each is lost, the search ends and can be resumed.
"""

from __future__ import annotations

import itertools

import pytest

from objectives.messages import TrainingFailure
from search.progress.protocol import Progress
from search.winner.measure import measure_with_retry
from search.workers.protocol import TrainingFailed
from search.workers.stalls import StallDetector
from spaces.errors import StorageError, TamizError
from tests.search.fixtures.scripted_workers import ScriptedWorkers, steady
from tests.search.fixtures.toy import ListeningProgress

LOST = TrainingFailure(cause="worker_lost", message="worker died (SIGKILL) while measuring")
HANGS = TrainingFailure(cause="hung", message="")
UNREADABLE = TrainingFailure(cause="error", message="ValueError: no model")


class Failing(ScriptedWorkers):
    """One worker whose first measurings fail in these ways; a training given up before is heard amid the first."""

    def __init__(self, *failures: TrainingFailure) -> None:
        super().__init__(lambda task: steady(0.5))
        self._failures = [*failures]
        self._events.append(TrainingFailed(worker=0, trial=3, failure=TrainingFailure(cause="hung", message="late")))

    def measure(self, trial: int, model: bytes) -> int:
        """Fail, or measure."""
        if not self._failures:
            return super().measure(trial, model)
        worker, failure = self._take_worker(), self._failures.pop(0)
        self.measured.append((trial, model))
        if failure is HANGS:
            return worker
        self._events.append(TrainingFailed(worker=worker, trial=trial, failure=failure))
        return worker

    def give_up(self, trial: int, failure: TrainingFailure) -> None:
        """End the measuring that fell silent."""
        self._events.append(TrainingFailed(worker=0, trial=trial, failure=failure))


def listening() -> StallDetector:
    """Return a detector that allows six looks without a report."""
    seconds = itertools.count()
    return StallDetector(stall_seconds=1.0, clock=lambda: float(next(seconds)))


def test_another_worker_measures_where_one_is_lost() -> None:
    workers, said = Failing(LOST, LOST), ListeningProgress()
    winner = measure_with_retry(7, b"model", workers=workers, progress=said, stalls=StallDetector())
    assert (workers.measured, len(winner.predictions.labels)) == ([(7, b"model")] * 3, 4)
    assert said.notes == [f"trial 7: {LOST.message} - measuring it again (attempt {number}/3)" for number in (2, 3)]


def test_another_worker_measures_where_one_hangs() -> None:
    workers, said = Failing(HANGS), ListeningProgress()
    measure_with_retry(7, b"model", workers=workers, progress=said, stalls=listening())
    silence = "worker reported nothing for 6 s while measuring (--trial-stall limits this)"
    assert (len(workers.measured), said.notes) == (2, [f"trial 7: {silence} - measuring it again (attempt 2/3)"])


def test_a_search_whose_every_worker_dies_measuring_ends_and_can_be_resumed() -> None:
    workers = Failing(LOST, LOST, LOST, LOST)
    with pytest.raises(StorageError, match=r"trial 7 could not be measured: .* while measuring, 3 times"):
        measure_with_retry(7, b"model", workers=workers, progress=Progress(), stalls=StallDetector())
    assert (len(workers.measured), StorageError.exit_code, StorageError.resumable) == (3, 5, True)


def test_a_model_that_can_t_be_measured_is_not_tried_again() -> None:
    workers = Failing(UNREADABLE)
    with pytest.raises(TamizError, match="trial 7 could not be measured: ValueError: no model"):
        measure_with_retry(7, b"model", workers=workers, progress=Progress(), stalls=StallDetector())
    assert len(workers.measured) == 1
