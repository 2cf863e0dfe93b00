"""What some predictions say about a classifier, class by class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from objectives.evaluation.metrics import confusion_counts
from objectives.messages import Predictions
from reports.classifier.calibration import Calibration, calibration, top_accuracy
from reports.classifier.mistakes import Look, confident_mistakes, hardest
from reports.classifier.per_class import ClassTable, Confusion, class_table, confusion_sentences, most_confused

LOOKS = 24
"""Images shown in each gallery, and to be recorded for it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Classification:
    """A classifier on one set of images, class by class."""

    images: str
    """"test" or "validation"."""
    predictions: Predictions
    table: ClassTable
    counts: NDArray[np.int32]
    """(classes, classes) by true class (row) and predicted class (column)."""
    sentences: tuple[str, ...]
    pairs: tuple[Confusion, ...]
    calibration: Calibration
    top3: float | None
    """Accuracy when the three most probable classes count; None for five classes or fewer."""
    hardest: tuple[Look, ...]
    confident_mistakes: tuple[Look, ...]


def classify(predictions: Predictions, classes: tuple[str, ...], *, images: str) -> Classification:
    """Compute what some predictions say about each class."""
    predicted = predictions.probabilities.argmax(axis=1)
    counts = confusion_counts(predictions.labels, predicted, len(classes))
    return Classification(
        images=images,
        predictions=predictions,
        table=class_table(predictions.labels, predicted, classes),
        counts=counts,
        sentences=confusion_sentences(counts, classes, most=5),
        pairs=most_confused(counts, classes, most=8),
        calibration=calibration(predictions.probabilities, predictions.labels),
        top3=top_accuracy(predictions.probabilities, predictions.labels, k=3) if len(classes) > 5 else None,
        hardest=hardest(predictions, most=LOOKS),
        confident_mistakes=confident_mistakes(predictions, most=LOOKS),
    )
