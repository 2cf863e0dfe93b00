"""What is kept of a training: its predictions."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from objectives.files.atomic import read_arrays, whole_file

Probabilities = NDArray[np.float32]
"""(n, classes)"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """A training: its scores, and what it predicts."""

    scores: NDArray[np.float64]
    """(epochs,) validation accuracy; where the validation images were trained on, not a score. Empty: it failed."""
    seconds: NDArray[np.float64]
    """() in its epochs."""
    validation: Probabilities
    """Of the best epoch; of the last one where the validation images were trained on."""
    validation_labels: NDArray[np.int32]
    test: Probabilities
    test_flipped: Probabilities
    """Of the test images, left and right exchanged; empty where that makes no sense."""
    test_averaged: Probabilities
    """With the moving average of the weights over all steps, as `use_ema` of Keras' optimizers takes it."""
    validation_averaged: Probabilities
    test_labels: NDArray[np.int32]

    @property
    def score(self) -> float:
        """Accuracy on the validation images."""
        return accuracy(self.validation, self.validation_labels)

    @property
    def test_accuracy(self) -> float:
        """Accuracy on the test images."""
        return accuracy(self.test, self.test_labels)


def accuracy(probabilities: Probabilities, labels: NDArray[np.int32]) -> float:
    """Return the share of images whose likeliest class is the right one."""
    return float((probabilities.argmax(axis=1) == labels).mean())


def save(trained: Trained, path: Path) -> None:
    """Write it, whole or not at all."""
    arrays: dict[str, Any] = asdict(trained)
    with whole_file(path) as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def load(path: Path) -> Trained | None:
    """Return what was written; None: nothing was."""
    if not path.exists():
        return None
    arrays = read_arrays(path)
    return Trained(**{one.name: arrays[one.name] for one in fields(Trained)})
