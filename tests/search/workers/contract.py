"""What every kind of workers must do: a class of tests that each kind inherits, with a fixture `workers`.

class TestMyWorkers(WorkersContract):
    @pytest.fixture
    def workers(self, small_digits):
        ...  # yields workers of two epochs a trial that train `tests.search.fixtures.odd_space`
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from objectives.messages import Decision, Objective, StudyData, TrainingFailure, TrainingTask
from search.workers.protocol import (
    CheckpointMade,
    EpochReported,
    Event,
    Measured,
    Notice,
    PartMeasured,
    TrainingEnded,
    TrainingFailed,
    TrainingPaused,
    WorkerReady,
    Workers,
)
from spaces.catalogue import find_space
from spaces.recipe import Recipe
from tests.search.fixtures.scripted_workers import checkpoint_of, steady

OBJECTIVE = Objective(metric="val_accuracy", epochs=2)
ODD_SPACE = find_space(str(Path(__file__).parents[1] / "fixtures" / "odd_space.py"))
"""Found here, since tasks can name its network only then."""
_longest_seconds = 240
"""Guards against hanging: a new worker takes ten seconds here, and minutes beside ten other busy processes."""


def task(trial: int, *, fault: str = "", nodes: str = "") -> TrainingTask:
    """Return a training that meets a fault, see `tests.search.fixtures.odd_space`."""
    plain = {"network": {"type": "Odd", "fault": fault, "nodes": nodes}, "fit": {"learning_rate": 0.01}}
    return TrainingTask(trial=trial, recipe=Recipe.from_plain(plain), seed=trial)


def slow_model() -> bytes:
    """Return a model that takes one image at a time, since it makes large ones of them: seconds for the test images."""
    import keras

    from objectives.training.keras_state import saved

    pixels = keras.Input((8, 8, 1))
    large = keras.layers.Resizing(2048, 2048)(pixels)
    means = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 5, activation="relu")(large))
    return saved(keras.Model(pixels, keras.layers.Dense(10, activation="softmax")(means)))


def next_event(workers: Workers) -> Event:
    """Wait for an event of a training."""
    deadline = time.monotonic() + _longest_seconds
    while time.monotonic() < deadline:
        event = workers.next_event(1.0)
        if event is not None and not isinstance(event, WorkerReady | Notice):
            return event
    raise AssertionError(f"nothing happened for {_longest_seconds} seconds")


def wait_for_idle(workers: Workers, count: int) -> None:
    """Wait until so many workers could take a task."""
    deadline = time.monotonic() + _longest_seconds
    while workers.idle < count:
        assert time.monotonic() < deadline, "the workers do not get ready"
        workers.next_event(1.0)
    while workers.next_event(0.0) is not None:
        pass


@pytest.mark.slow
class WorkersContract:
    """Tests of one kind of workers; each begins with all workers idle."""

    @pytest.fixture
    def workers(self) -> Workers:
        """Workers of this kind."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _all_idle(self, workers: Workers) -> None:
        wait_for_idle(workers, workers.count)

    def test_a_training_obeys_continue_and_finish(self, workers: Workers) -> None:
        workers.start(task(5))
        first = next_event(workers)
        workers.apply(5, Decision.CONTINUE)
        second = next_event(workers)
        workers.apply(5, Decision.FINISH)
        ended = next_event(workers)
        assert isinstance(first, EpochReported)
        assert isinstance(second, EpochReported)
        assert isinstance(ended, TrainingEnded)
        assert (first.trial, first.report.epoch, second.report.epoch) == (5, 1, 2)
        assert (ended.result.epochs, ended.result.model, len(ended.result.predictions.labels)) == (2, None, 80)
        assert workers.idle == workers.count

    def test_a_kept_model_is_measured_on_the_test_images(self, workers: Workers, small_digits: StudyData) -> None:
        workers.start(task(5))
        next_event(workers)
        workers.apply(5, Decision.PRUNE, keep_model=True)
        ended = next_event(workers)
        assert isinstance(ended, TrainingEnded)
        assert ended.result.model is not None
        workers.measure(5, ended.result.model)
        measured = next_event(workers)
        assert isinstance(measured, Measured)
        assert small_digits.test is not None
        assert measured.winner.predictions.images.tolist() == small_digits.test.indices.tolist()

    def test_a_long_measurement_reports_how_far_it_is(self, workers: Workers) -> None:
        workers.measure(5, slow_model())
        parts = []
        while isinstance(event := next_event(workers), PartMeasured):
            parts.append(event)
        assert isinstance(event, Measured)
        assert len(event.winner.predictions.labels) == 100
        done = [part.done for part in parts]
        assert {(part.trial, part.images) for part in parts} == {(5, 100)}
        assert 0 < done[0] < 100
        assert done == sorted(done)

    def test_a_checkpoint_comes_before_the_next_epoch(self, workers: Workers) -> None:
        workers.start(task(5))
        next_event(workers)
        workers.apply(5, Decision.CONTINUE, make_checkpoint=True)
        made, second = next_event(workers), next_event(workers)
        workers.apply(5, Decision.FINISH)
        next_event(workers)
        assert isinstance(made, CheckpointMade)
        assert isinstance(second, EpochReported)
        assert (made.checkpoint.epoch, second.report.epoch) == (1, 2)

    def test_a_paused_training_goes_on_from_its_checkpoint(self, workers: Workers) -> None:
        workers.start(task(5))
        next_event(workers)
        workers.apply(5, Decision.PAUSE)
        paused = next_event(workers)
        assert isinstance(paused, TrainingPaused)
        workers.start(replace(task(5), checkpoint=paused.checkpoint))
        event = next_event(workers)
        workers.apply(5, Decision.FINISH)
        next_event(workers)
        assert isinstance(event, EpochReported)
        assert event.report.epoch == 2

    def test_a_training_on_all_images_keeps_its_last_epoch(self, workers: Workers) -> None:
        workers.start(replace(task(5), part="all", epochs=3))
        reports = []
        for decision in (Decision.CONTINUE, Decision.CONTINUE, Decision.FINISH):
            event = next_event(workers)
            assert isinstance(event, EpochReported)
            reports.append(event.report)
            workers.apply(5, decision)
        ended = next_event(workers)
        assert isinstance(ended, TrainingEnded)
        assert (ended.result.best_epoch, ended.result.score) == (3, reports[-1].score)

    def test_a_checkpoint_of_another_network_means_the_first_epoch(self, workers: Workers) -> None:
        workers.start(replace(task(5), checkpoint=checkpoint_of(task(5), steady(0.5), epoch=1)))
        event = next_event(workers)
        workers.apply(5, Decision.FINISH)
        next_event(workers)
        assert isinstance(event, EpochReported)
        assert event.report.epoch == 1

    def test_a_halted_training_leaves_what_it_had_done(self, workers: Workers) -> None:
        workers.start(task(5))
        next_event(workers)
        workers.apply(5, Decision.CONTINUE)
        workers.halt()
        paused = next_event(workers)
        assert isinstance(paused, TrainingPaused)
        assert paused.checkpoint is not None
        assert paused.checkpoint.epoch in (1, 2)
        assert workers.idle == workers.count

    def test_a_training_that_is_given_up_fails_with_that_failure(self, workers: Workers) -> None:
        workers.start(task(5))
        next_event(workers)
        workers.apply(5, Decision.CONTINUE)
        failure = TrainingFailure(cause="timeout", message="it takes too long")
        workers.give_up(5, failure)
        event = next_event(workers)
        assert isinstance(event, TrainingFailed)
        assert (event.trial, event.failure.cause, event.failure.message) == (5, failure.cause, failure.message)

    def test_a_failure_leaves_its_worker_idle(self, workers: Workers) -> None:
        workers.start(task(6, fault="broken"))
        event = next_event(workers)
        assert isinstance(event, TrainingFailed)
        assert (event.trial, event.failure.cause, workers.idle) == (6, "error", workers.count)

    def test_a_damaged_model_fails_its_measurement(self, workers: Workers) -> None:
        workers.measure(3, b"no model")
        assert isinstance(next_event(workers), TrainingFailed)

    def test_a_task_without_an_idle_worker_is_refused(self, workers: Workers) -> None:
        for trial in range(workers.count):
            workers.start(task(trial))
        with pytest.raises(RuntimeError, match="no worker is idle"):
            workers.start(task(99))
        for event in [next_event(workers) for _ in range(workers.count)]:
            assert isinstance(event, EpochReported)
            workers.apply(event.trial, Decision.FINISH)
        wait_for_idle(workers, workers.count)

    def test_a_decision_that_no_training_waits_for_is_refused(self, workers: Workers) -> None:
        with pytest.raises(RuntimeError, match="trial 99 waits for no decision"):
            workers.apply(99, Decision.FINISH)

    def test_without_a_task_nothing_happens(self, workers: Workers) -> None:
        assert workers.next_event(0.0) is None
