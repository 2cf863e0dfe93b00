"""The training steps of an epoch, on whatever backend Keras runs on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Protocol

import keras

from objectives.training.batches import ShuffledBatches


class Steps(Protocol):
    """Runs a compiled model's training steps, and keeps what is traced for them."""

    def train(self, batches: ShuffledBatches, is_halted: Callable[[], bool]) -> dict[str, float] | None:
        """Take a step for each batch, in the batches' order.

        Args:
            batches: of one type and shape in all calls.
            is_halted: asked after each step whether to stop there.

        Returns:
            The epoch's mean loss and its metrics; a loss that is not finite ended the epoch early.
            None: it was halted.
        """


def steps_of(model: keras.Model) -> Steps:
    """Return the steps of a compiled model; compiling it again takes new ones."""
    if keras.backend.backend() == "tensorflow":
        from objectives.training import on_tensorflow

        return on_tensorflow.TracedSteps(model)
    return _FitSteps(model)


class _FitSteps:
    """Keras' own `fit`, an epoch at a time."""

    def __init__(self, model: keras.Model) -> None:
        self._model = model

    def train(self, batches: ShuffledBatches, is_halted: Callable[[], bool]) -> dict[str, float] | None:
        stopping = _StopEarly(is_halted)
        history = self._model.fit(
            iter(batches),
            steps_per_epoch=len(batches),
            shuffle=False,
            verbose=0,
            callbacks=[stopping],
        ).history
        return None if stopping.was_halted else {name: float(values[-1]) for name, values in history.items()}


class _StopEarly(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Ends `fit` at the first batch after a request to halt, or whose loss is not finite."""

    async_safe = True  # the device need not wait for the check

    def __init__(self, is_halted: Callable[[], bool]) -> None:
        super().__init__()
        self._is_halted = is_halted
        self.was_halted = False

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        self.was_halted = self.was_halted or self._is_halted()
        if self.was_halted or (logs and not math.isfinite(logs["loss"])):
            self.model.stop_training = True
