"""What runs where a worker is: one training at a time, whose failures are values."""

from __future__ import annotations

from objectives.records import (
    EpochReport,
    Objective,
    StudyData,
    TrainingFailure,
    TrainingResult,
    TrainingTask,
    WinnerMeasured,
)


class TrainingStation:
    """Keras and the data of one study, kept warm for one training after the other.

    Keras is imported by `warm_up`, not with this module.
    """

    def __init__(self, *, data: StudyData, objective: Objective) -> None:
        warm_up()
        from objectives import measuring, training

        self._measuring = measuring
        self._training = training
        self._data = data
        self._objective = objective
        self._running: training.Training | None = None
        self._epoch = 0

    def start(self, task: TrainingTask) -> EpochReport | TrainingFailure:
        """Build the task's network and train its first epoch."""
        self._running, self._epoch = None, 0
        try:
            self._running = self._training.Training(
                recipe=task.recipe, data=self._data, objective=self._objective, seed=task.seed
            )
        except Exception as error:
            return self._failure(error)
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

    def _failure(self, error: Exception) -> TrainingFailure:
        self._running = None
        return self._training.classify(error, self._epoch)


def warm_up() -> None:
    """Import Keras, its backend and the trainer: some five seconds, once a process."""
    import objectives.training  # noqa: F401
