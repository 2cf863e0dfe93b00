"""What a report says, computed the plain way: metrics by scikit-learn, and a bootstrap over images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, log_loss, recall_score

from objectives.messages import Predictions


def bootstrapped(metric: Callable[..., float], one: Predictions, *, times: int = 1000) -> np.ndarray:
    """Return a metric of images drawn again within each class, the plain way."""
    random, scores = np.random.default_rng(7), []
    rows = [np.flatnonzero(one.labels == label) for label in np.unique(one.labels)]
    for _ in range(times):
        drawn = np.concatenate([random.choice(of, len(of)) for of in rows])
        scores.append(metric(one.labels[drawn], one.probabilities[drawn]))
    return np.array(scores)


def of_predicted(metric: Callable[..., float], **options: Any) -> Callable[..., float]:
    return lambda labels, probabilities: float(metric(labels, probabilities.argmax(axis=1), **options))


SCIKIT_LEARN: dict[str, Callable[..., float]] = {
    "val_accuracy": of_predicted(accuracy_score),
    "val_loss": lambda labels, probabilities: float(log_loss(labels, probabilities, labels=range(10))),
    "macro_f1": of_predicted(f1_score, average="macro"),
    "balanced_accuracy": of_predicted(balanced_accuracy_score),
    "worst_class_recall": lambda labels, probabilities: float(
        np.min(recall_score(labels, probabilities.argmax(axis=1), average=None))
    ),
}
