"""What a network's predictions are measured by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from objectives.messages import Direction

_smallest_probability = float(np.finfo(np.float32).eps)


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number computed from predictions, and which way is better."""

    name: str
    direction: Direction

    def is_better(self, score: float, than: float) -> bool:
        """Whether `score` beats `than`; an equal score does not."""
        return score > than if self.direction == "maximize" else score < than


_directions: Mapping[str, Direction] = {
    "val_accuracy": "maximize",
    "val_loss": "minimize",
    "macro_f1": "maximize",
    "worst_class_recall": "maximize",
    "balanced_accuracy": "maximize",
}
METRICS: Mapping[str, Metric] = MappingProxyType(
    {name: Metric(name=name, direction=direction) for name, direction in _directions.items()}
)


def measure(probabilities: NDArray[np.floating[Any]], labels: NDArray[np.integer[Any]]) -> dict[str, float]:
    """Return every metric of `METRICS` by name; each equals scikit-learn's.

    A class without images has no recall: the worst and the mean recall (balanced accuracy) pass over
    it. Its F1 is 0, as with scikit-learn's `labels=range(classes), zero_division=0`.

    Args:
        probabilities: (n, classes), n at least 1, finite; rows sum to 1. The predicted class is the
            first with the largest probability.
        labels: (n,) true classes, 0 up to classes.
    """
    classes = probabilities.shape[1]
    predicted = probabilities.argmax(axis=1)
    correct = np.bincount(labels[predicted == labels], minlength=classes)
    support = np.bincount(labels, minlength=classes)
    claimed = np.bincount(predicted, minlength=classes)
    recalls = correct[support > 0] / support[support > 0]
    f1 = 2 * correct / np.maximum(support + claimed, 1)
    return {
        "val_accuracy": float(correct.sum() / len(labels)),
        "val_loss": cross_entropy(probabilities, labels),
        "macro_f1": float(f1.mean()),
        "worst_class_recall": float(recalls.min()),
        "balanced_accuracy": float(recalls.mean()),
    }


def cross_entropy(probabilities: NDArray[np.floating[Any]], labels: NDArray[np.integer[Any]]) -> float:
    """Return the mean of -log(probability of the true class), in nats.

    Probabilities below the resolution of float32 count as that, as in scikit-learn's `log_loss`.
    """
    of_truth = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.clip(of_truth, _smallest_probability, 1.0)).mean())


def confusion_counts(labels: NDArray[Any], predicted: NDArray[Any], classes: int) -> NDArray[np.int32]:
    """Return (classes, classes) images by true class (row) and predicted class (column)."""
    pairs = labels.astype(np.int64) * classes + predicted
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes).astype(np.int32)
