"""Training images, batch by batch, to whatever backend Keras runs on."""

from __future__ import annotations

from typing import Any

import keras

from objectives.batches import ShuffledBatches


class TrainingInput:
    """What `keras.Model.fit` reads one epoch after another from."""

    def __init__(self, batches: ShuffledBatches) -> None:
        self._batches = batches
        self._dataset: Any = None
        if keras.backend.backend() == "tensorflow":
            from objectives import on_tensorflow

            self._dataset = on_tensorflow.dataset(batches)

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return len(self._batches)

    def epoch(self, number: int) -> Any:
        """Return an epoch's input for `fit`; epochs count from 1, and only the latest may be read."""
        self._batches.shuffle(number)
        return iter(self._batches) if self._dataset is None else self._dataset
