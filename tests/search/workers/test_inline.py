"""One worker in this process, with the real trainer."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from objectives.messages import Decision, Objective, StudyData, TrainingTask
from search.workers.inline import InlineWorkers
from search.workers.protocol import (
    CheckpointMade,
    EpochReported,
    Measured,
    TrainingEnded,
    TrainingFailed,
    TrainingPaused,
    Workers,
)
from tests.search.fixtures.odd_space import odd
from tests.search.fixtures.scripted_workers import checkpoint_of, steady

_objective = Objective(metric="val_accuracy", epochs=2)


@pytest.fixture
def workers(small_digits: StudyData) -> InlineWorkers:
    return InlineWorkers(data=small_digits, objective=_objective, threads=1)


@pytest.mark.slow
def test_a_task_gives_its_first_report(workers: Workers) -> None:
    workers.start(TrainingTask(trial=7, recipe=odd(), seed=1))
    event = workers.next_event(0.0)
    assert isinstance(event, EpochReported)
    assert (event.trial, event.report.epoch) == (7, 1)


@pytest.mark.slow
def test_finish_gives_the_best_epoch_of_two(workers: Workers) -> None:
    workers.start(TrainingTask(trial=0, recipe=odd(), seed=1))
    workers.next_event(0.0)
    workers.apply(0, Decision.CONTINUE)
    workers.next_event(0.0)
    workers.apply(0, Decision.FINISH)
    event = workers.next_event(0.0)
    assert isinstance(event, TrainingEnded)
    assert (event.result.epochs, event.result.model, len(event.result.predictions.labels)) == (2, None, 80)


@pytest.mark.slow
def test_a_kept_model_can_be_measured(workers: Workers, small_digits: StudyData) -> None:
    workers.start(TrainingTask(trial=0, recipe=odd(), seed=1))
    workers.next_event(0.0)
    workers.apply(0, Decision.PRUNE, keep_model=True)
    ended = workers.next_event(0.0)
    assert isinstance(ended, TrainingEnded)
    assert ended.result.model is not None
    workers.measure(0, ended.result.model)
    measured = workers.next_event(0.0)
    assert isinstance(measured, Measured)
    assert small_digits.test is not None
    assert measured.winner.predictions.images.tolist() == small_digits.test.indices.tolist()


@pytest.mark.slow
def test_a_checkpoint_comes_before_the_next_epoch(workers: Workers) -> None:
    workers.start(TrainingTask(trial=0, recipe=odd(), seed=1))
    workers.next_event(0.0)
    workers.apply(0, Decision.CONTINUE, make_checkpoint=True)
    made, second = workers.next_event(0.0), workers.next_event(0.0)
    assert isinstance(made, CheckpointMade)
    assert isinstance(second, EpochReported)
    assert (made.checkpoint.epoch, second.report.epoch) == (1, 2)


@pytest.mark.slow
def test_a_paused_training_goes_on_elsewhere(workers: Workers, small_digits: StudyData) -> None:
    task = TrainingTask(trial=0, recipe=odd(), seed=1)
    workers.start(task)
    workers.next_event(0.0)
    workers.apply(0, Decision.PAUSE)
    paused = workers.next_event(0.0)
    assert isinstance(paused, TrainingPaused)
    assert workers.idle == 1
    elsewhere = InlineWorkers(data=small_digits, objective=_objective)
    elsewhere.start(replace(task, checkpoint=paused.checkpoint))
    event = elsewhere.next_event(0.0)
    assert isinstance(event, EpochReported)
    assert event.report.epoch == 2


@pytest.mark.slow
def test_a_checkpoint_of_another_network_means_the_first_epoch(workers: Workers) -> None:
    task = TrainingTask(trial=0, recipe=odd(), seed=1)
    other = checkpoint_of(task, steady(0.5), epoch=1)
    workers.start(replace(task, checkpoint=other))
    event = workers.next_event(0.0)
    assert isinstance(event, EpochReported)
    assert event.report.epoch == 1


@pytest.mark.slow
def test_a_failure_leaves_the_worker_idle(workers: Workers) -> None:
    workers.start(TrainingTask(trial=3, recipe=odd(fault="broken"), seed=1))
    event = workers.next_event(0.0)
    assert isinstance(event, TrainingFailed)
    assert (event.failure.cause, workers.idle) == ("error", 1)


@pytest.mark.slow
def test_a_damaged_model_fails_its_measuring(workers: Workers) -> None:
    workers.measure(3, b"no model")
    assert isinstance(workers.next_event(0.0), TrainingFailed)


def test_a_second_task_is_refused(workers: Workers) -> None:
    workers.start(TrainingTask(trial=0, recipe=odd(), seed=1))
    with pytest.raises(RuntimeError, match="no worker is idle: trial 0"):
        workers.start(TrainingTask(trial=1, recipe=odd(), seed=1))


def test_a_decision_nobody_waits_for_is_refused(workers: Workers) -> None:
    with pytest.raises(RuntimeError, match="trial 0 waits for no decision"):
        workers.apply(0, Decision.FINISH)


def test_without_a_task_nothing_happens(workers: Workers) -> None:
    assert workers.next_event(0.0) is None


def test_keras_is_not_imported_before_the_first_training() -> None:
    program = (
        "import sys, numpy as np\n"
        "from objectives.messages import *\n"
        "from search.workers.inline import InlineWorkers\n"
        "some = Examples(images=np.zeros((1, 2, 2, 1), np.uint8), labels=np.zeros(1, np.int32),"
        " indices=np.zeros(1, np.int32))\n"
        "data = StudyData(train=some, validation=some, test=None, classes=('a',))\n"
        "InlineWorkers(data=data, objective=Objective(metric='val_accuracy', epochs=1))\n"
        "sys.exit(any(name in sys.modules for name in ('keras', 'tensorflow', 'ray')))\n"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
