"""Trains one task after the other in this process; failures are returned, not raised."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from objectives.messages import (
    Checkpoint,
    EpochReport,
    Objective,
    StudyData,
    TrainingFailure,
    TrainingResult,
    TrainingTask,
    WinnerMeasured,
)
from search.system.signals import Stopped
from search.workers.protocol import Halted, Measuring, Paused
from spaces.errors import RecordError

if TYPE_CHECKING:
    from objectives.training.training import Training

_report_seconds = 1.0
"""A measurement reports its progress this often at most."""


class Trainer:
    """Keeps Keras and the data of one study warm for one training after the other.

    Keras is imported by `warm_up`, not with this module.
    """

    def __init__(self, *, data: StudyData, objective: Objective, is_halted: Callable[[], bool] = lambda: False) -> None:
        """Import Keras; `is_halted` is called after each batch, and interrupts the epoch."""
        warm_up()
        from objectives.evaluation import predicting
        from objectives.training import compiled, failures, training

        self._compiled = compiled.CompiledNetworks()
        self._predicting = predicting
        self._training = training
        self._failures = failures
        self._data = data
        self._objective = objective
        self._is_halted = is_halted
        self._running: Training | None = None
        self._left: Checkpoint | None = None
        """What is left of a training that was halted."""
        self._epoch = 0
        self._measurement: Iterator[int | WinnerMeasured] = iter(())

    def start(self, task: TrainingTask) -> EpochReport | Halted | TrainingFailure:
        """Build the task's network and train its first epoch, or the one after its checkpoint.

        A checkpoint that is incompatible, perhaps from another version of Keras, means the first epoch.
        """
        self._running, self._left, self._epoch = None, None, 0
        try:
            self._running = self._begin(task)
            if task.checkpoint is not None:
                try:
                    self._running.restore(task.checkpoint)
                except RecordError:
                    self._running = self._begin(task)
        except Exception as error:
            return self._failure(error)
        self._epoch = self._running.epoch
        return self.advance()

    def advance(self) -> EpochReport | Halted | TrainingFailure:
        """Train one more epoch."""
        running = self._current()
        self._epoch += 1
        try:
            return running.advance(is_halted=self._is_halted)
        except self._failures.TrainingHalted:  # the weights are those of the middle of an epoch: of no use
            self._left, self._running = running.unsaved, None
            return Halted()
        except Exception as error:
            return self._failure(error)

    def checkpoint(self) -> Checkpoint | TrainingFailure:
        """Return what is needed to resume the training from here."""
        running = self._current()
        try:
            return running.checkpoint()
        except Exception as error:
            return self._failure(error)

    def pause(self) -> Paused | TrainingFailure:
        """End the training for now."""
        checkpoint, self._running = self.checkpoint(), None
        return checkpoint if isinstance(checkpoint, TrainingFailure) else Paused(checkpoint=checkpoint)

    def halt(self) -> Paused | TrainingFailure:
        """End the training for now, after an epoch or in the middle of one that was halted."""
        if self._running is not None and self._running.epoch:
            return self.pause()
        left, self._left, self._running = self._left, None, None
        return Paused(checkpoint=left)

    def finish(self, *, keep_model: bool) -> TrainingResult | TrainingFailure:
        """End the training and return its best epoch."""
        running = self._current()
        try:
            return running.finish(keep_model=keep_model)
        except Exception as error:
            return self._failure(error)
        finally:
            self._running = None

    def measure(self, model: bytes) -> Measuring | WinnerMeasured | TrainingFailure:
        """Begin to predict the test images with a saved model; after `Measuring`, `measure_on` continues."""
        if self._data.test is None:
            raise RuntimeError("this study has no test images")
        self._measurement = self._predicting.measuring(model, self._data.test)
        return self.measure_on()

    def measure_on(self) -> Measuring | WinnerMeasured | TrainingFailure:
        """Predict more of the test images, and inspect the model's layers after the last."""
        assert self._data.test is not None
        until, done = time.monotonic() + _report_seconds, 0
        try:
            for step in self._measurement:
                if isinstance(step, WinnerMeasured):
                    return step
                done = step
                if time.monotonic() >= until:
                    break
        except Exception as error:
            return self._failure(error)
        return Measuring(done=done, images=len(self._data.test))

    def _current(self) -> Training:
        if self._running is None:
            raise RuntimeError("no training is running")
        return self._running

    def _begin(self, task: TrainingTask) -> Training:
        epochs = self._objective.epochs if task.epochs is None else task.epochs
        return self._training.Training(
            recipe=task.recipe,
            data=self._data,
            objective=replace(self._objective, epochs=epochs),
            seed=task.seed,
            compiled=self._compiled if task.part == "train" else None,  # their losses weigh classes by these images
            part=task.part,
        )

    def _failure(self, error: Exception) -> TrainingFailure:
        _let_through(error)
        self._running = None
        self._compiled.forget()  # the error may have left a compiled network in any state
        return self._failures.classify(error, self._epoch)


def _let_through(error: BaseException | None) -> None:
    """Raise again what a signal handler raised in the middle of a training: the training did not fail."""
    while error is not None:
        if isinstance(error, Stopped):
            raise error
        error = error.__cause__


def warm_up() -> None:
    """Import Keras, its backend and the trainer: about five seconds, once a process."""
    import objectives.training.training  # noqa: F401
