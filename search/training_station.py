"""What runs where a worker is: one training at a time, whose failures are values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from objectives.records import (
    Checkpoint,
    EpochReport,
    Objective,
    StudyData,
    TrainingFailure,
    TrainingResult,
    TrainingTask,
    WinnerMeasured,
)
from spaces.errors import RecordError

if TYPE_CHECKING:
    from objectives.training import Training


class TrainingStation:
    """Keras and the data of one study, kept warm for one training after the other.

    Keras is imported by `warm_up`, not with this module.
    """

    def __init__(self, *, data: StudyData, objective: Objective) -> None:
        warm_up()
        from objectives import compiled, measuring, training

        self._compiled = compiled.CompiledNetworks()
        self._measuring = measuring
        self._training = training
        self._data = data
        self._objective = objective
        self._running: Training | None = None
        self._epoch = 0

    def start(self, task: TrainingTask) -> EpochReport | TrainingFailure:
        """Build the task's network and train its first epoch, or the one after its checkpoint.

        A checkpoint that does not fit, which another version of Keras may have left, means the first epoch.
        """
        self._running, self._epoch = None, 0
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

    def advance(self) -> EpochReport | TrainingFailure:
        """Train one more epoch."""
        if self._running is None:
            raise RuntimeError("no training is under way")
        self._epoch += 1
        try:
            return self._running.advance()
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
        self._running = None
        self._compiled.forget()
        return self._training.classify(error, self._epoch)


def warm_up() -> None:
    """Import Keras, its backend and the trainer: some five seconds, once a process."""
    import objectives.training  # noqa: F401
