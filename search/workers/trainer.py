"""What runs where a worker is: one training at a time, whose failures are values."""

from __future__ import annotations

from collections.abc import Callable
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
from spaces.errors import RecordError

if TYPE_CHECKING:
    from objectives.training.training import Training


class TrainingStation:
    """Keras and the data of one study, kept warm for one training after the other.

    Keras is imported by `warm_up`, not with this module.
    """

    def __init__(self, *, data: StudyData, objective: Objective, is_halted: Callable[[], bool] = lambda: False) -> None:
        """Import Keras; `is_halted` is asked after each batch whether to stop amid the epoch."""
        warm_up()
        from objectives.evaluation import predicting
        from objectives.training import compiled, training

        self._compiled = compiled.CompiledNetworks()
        self._measuring = predicting
        self._training = training
        self._data = data
        self._objective = objective
        self._is_halted = is_halted
        self._running: Training | None = None
        self._checkpoint: Checkpoint | None = None
        """Left of a training that was halted."""
        self._epoch = 0

    def start(self, task: TrainingTask) -> EpochReport | TrainingFailure | None:
        """Build the task's network and train its first epoch, or the one after its checkpoint.

        None: it was halted; `halt` tells what is left of it.
        A checkpoint that does not fit, which another version of Keras may have left, means the first epoch.
        """
        self._running, self._checkpoint, self._epoch = None, None, 0
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

    def advance(self) -> EpochReport | TrainingFailure | None:
        """Train one more epoch; None: it was halted."""
        if self._running is None:
            raise RuntimeError("no training is under way")
        self._epoch += 1
        try:
            return self._running.advance(is_halted=self._is_halted)
        except self._training.TrainingHalted:
            self._checkpoint, self._running = self._running.unsaved, None
            return None
        except Exception as error:
            return self._failure(error)

    def checkpoint(self) -> Checkpoint | TrainingFailure:
        """Return what is needed to go on from here."""
        if self._running is None:
            raise RuntimeError("no training is under way")
        try:
            return self._running.checkpoint()
        except Exception as error:
            return self._failure(error)

    def pause(self) -> Checkpoint | TrainingFailure:
        """End the training for now."""
        checkpoint, self._running = self.checkpoint(), None
        return checkpoint

    def halt(self) -> Checkpoint | TrainingFailure | None:
        """End the training for now, amid an epoch or not; None: nothing is left of it that was not asked for before."""
        if self._running is not None and self._running.epoch:
            return self.pause()
        checkpoint, self._checkpoint, self._running = self._checkpoint, None, None
        return checkpoint

    def finish(self, *, keep_model: bool) -> TrainingResult | TrainingFailure:
        """End the training and return its best epoch."""
        if self._running is None:
            raise RuntimeError("no training is under way")
        try:
            return self._running.finish(keep_model=keep_model)
        except Exception as error:
            return self._failure(error)
        finally:
            self._running = None

    def measure(self, model: bytes) -> WinnerMeasured | TrainingFailure:
        """Predict the test images with a saved model, and look inside it."""
        if self._data.test is None:
            raise RuntimeError("this study has no test images")
        try:
            return self._measuring.measure_winner(model, self._data.test)
        except Exception as error:
            return self._failure(error)

    def _begin(self, task: TrainingTask) -> Training:
        return self._training.Training(
            recipe=task.recipe, data=self._data, objective=self._objective, seed=task.seed, compiled=self._compiled
        )

    def _failure(self, error: Exception) -> TrainingFailure:
        _let_through(error)
        self._running = None
        self._compiled.forget()
        return self._training.classify(error, self._epoch)


def _let_through(error: BaseException | None) -> None:
    """Raise what a signal's handler raised in the middle of a training of this process: that is no failure of it."""
    while error is not None:
        if isinstance(error, Stopped):
            raise error
        error = error.__cause__


def warm_up() -> None:
    """Import Keras, its backend and the trainer: some five seconds, once a process."""
    import objectives.training.training  # noqa: F401
