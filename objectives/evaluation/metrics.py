"""Metrics: what a network's predictions on the validation images are measured by.

A metric is one entry in `METRICS`. Those that count each class the same go over the classes that have
images there: with every prediction right each is 1, whichever classes a part lacks. This module imports
NumPy only where it measures, since the command line reads the names and directions without it.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Probabilities = NDArray[np.floating[Any]]
    Labels = NDArray[np.integer[Any]]

# The resolution of float32. scikit-learn's `log_loss` clips float32 probabilities to it as well.
_smallest_probability = 2.0**-23


class Direction(enum.StrEnum):
    """Which scores are better: larger or smaller ones."""

    MAXIMIZE = "maximize"
    MINIMIZE = "minimize"

    @property
    def sign(self) -> float:
        """1.0 or -1.0: `sign * score` is larger for a better score, in either direction."""
        return 1.0 if self is Direction.MAXIMIZE else -1.0

    def is_better(self, score: float, than: float) -> bool:
        """Whether `score` beats `than`; an equal score does not, nor does not-a-number."""
        return self.sign * score > self.sign * than

    def best_of(self, scores: Iterable[float]) -> float:
        """Return the best of at least one score, all of them numbers."""
        return max(scores) if self is Direction.MAXIMIZE else min(scores)


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number computed from predictions, and all that other packages need to show it."""

    name: str
    """As in `--metric NAME`, the history of epochs and the stored files."""
    title: str
    """In words, as the report shows it."""
    direction: Direction
    each: Callable[[Probabilities, Labels], NDArray[Any]]
    """Returns (n,): all that it needs of each image, from probabilities and labels as `measure` below."""
    combine: Callable[[NDArray[Any], Labels], float]
    """Takes that and the labels (n,), of all images or of some drawn again."""
    is_fraction: bool = True
    """Whether it lies between 0 and 1 and reads best in percent."""
    is_by_class: bool = False
    """Whether each class counts the same: then it goes over the classes that have images."""
    perfect: float = 1.0
    """The best possible value."""
    script: tuple[str, ...]
    """Body of `score(probabilities, labels)` in an exported script, which has NumPy as `np` and the names
    of the classes as `CLASSES`."""
    script_import: str | None = None
    """What those lines need of `sklearn.metrics`."""

    def measure(self, probabilities: Probabilities, labels: Labels) -> float:
        """Return it for some images, as `measure` below."""
        return self.combine(self.each(probabilities, labels), labels)


def measure(probabilities: Probabilities, labels: Labels) -> dict[str, float]:
    """Return every metric of `METRICS` by name; each equals scikit-learn's.

    Args:
        probabilities: (n, classes), n at least 1, finite; rows sum to 1. The predicted class is the
            first with the largest probability.
        labels: (n,) true classes, 0 up to classes.
    """
    return {name: metric.measure(probabilities, labels) for name, metric in METRICS.items()}


def confusion_counts(labels: NDArray[Any], predicted: NDArray[Any], classes: int) -> NDArray[np.int32]:
    """Return (classes, classes) images by true class (row) and predicted class (column)."""
    import numpy as np

    pairs = labels.astype(np.int64) * classes + predicted
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes).astype(np.int32)


def _predicted(probabilities: Probabilities, _labels: Labels) -> Labels:
    predicted: Labels = probabilities.argmax(axis=1)
    return predicted


def _cross_entropies(probabilities: Probabilities, labels: Labels) -> NDArray[np.float64]:
    """Return -log(probability of the true class) of each image, in nats."""
    import numpy as np

    of_truth = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    losses: NDArray[np.float64] = -np.log(np.clip(of_truth, _smallest_probability, 1.0))
    return losses


def _macro_f1(predicted: Labels, labels: Labels) -> float:
    counts = _confusion(predicted, labels)
    support = counts.sum(axis=1)
    scores = 2 * counts.diagonal() / (counts.sum(axis=0) + support).clip(1)
    return float(scores[support > 0].mean())


def _recalls(predicted: Labels, labels: Labels) -> NDArray[np.float64]:
    """Return the recall of each class that has images."""
    counts = _confusion(predicted, labels)
    support = counts.sum(axis=1)
    recalls: NDArray[np.float64] = counts.diagonal()[support > 0] / support[support > 0]
    return recalls


def _confusion(predicted: Labels, labels: Labels) -> NDArray[np.int32]:
    return confusion_counts(labels, predicted, int(max(predicted.max(), labels.max())) + 1)


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            Metric(
                name="val_accuracy",
                title="validation accuracy",
                direction=Direction.MAXIMIZE,
                each=_predicted,
                combine=lambda predicted, labels: float((predicted == labels).mean()),
                script=("return np.mean(probabilities.argmax(axis=1) == labels)",),
            ),
            Metric(
                name="val_loss",
                title="validation loss",
                direction=Direction.MINIMIZE,
                each=_cross_entropies,
                combine=lambda losses, _: float(losses.mean()),
                is_fraction=False,
                perfect=0.0,
                script=(
                    "of_truth = probabilities[np.arange(len(labels)), labels]",
                    "return -np.log(np.clip(of_truth, 1e-7, 1)).mean()",
                ),
            ),
            Metric(
                name="macro_f1",
                title="mean F1 over classes",
                direction=Direction.MAXIMIZE,
                each=_predicted,
                combine=_macro_f1,
                is_by_class=True,
                script=(
                    "predicted = probabilities.argmax(axis=1)",
                    'return f1_score(labels, predicted, labels=np.unique(labels), average="macro", zero_division=0)',
                ),
                script_import="f1_score",
            ),
            Metric(
                name="worst_class_recall",
                title="recall of the worst class",
                direction=Direction.MAXIMIZE,
                each=_predicted,
                combine=lambda predicted, labels: float(_recalls(predicted, labels).min()),
                is_by_class=True,
                script=(
                    "predicted = probabilities.argmax(axis=1)",
                    "present = np.unique(labels)",
                    "return recall_score(labels, predicted, labels=present, average=None, zero_division=0).min()",
                ),
                script_import="recall_score",
            ),
            Metric(
                name="balanced_accuracy",
                title="mean recall over classes",
                direction=Direction.MAXIMIZE,
                each=_predicted,
                combine=lambda predicted, labels: float(_recalls(predicted, labels).mean()),
                is_by_class=True,
                script=(
                    "predicted = probabilities.argmax(axis=1)",
                    "return np.mean([np.mean(predicted[labels == c] == c) for c in np.unique(labels)])",
                ),
            ),
        )
    }
)
