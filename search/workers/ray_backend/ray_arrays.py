"""Arrays as Ray's shared memory wants them, and as they outlive it."""

from __future__ import annotations

from typing import Any

import numpy as np

from objectives.messages import Examples, Predictions, StudyData


def copied(predictions: Predictions) -> Predictions:
    """Return predictions that outlive Ray's shared memory."""
    return Predictions(
        probabilities=predictions.probabilities.copy(),
        labels=predictions.labels.copy(),
        images=predictions.images.copy(),
    )


def as_plain_arrays(data: StudyData) -> StudyData:
    """Return the data in arrays that Ray shares without copying: no memory maps, no gaps; each array once."""
    plain: dict[int, Any] = {}

    def of(array: np.ndarray[Any, Any]) -> Any:
        return plain.setdefault(id(array), np.ascontiguousarray(array.view(np.ndarray)))

    def examples(some: Examples) -> Examples:
        return Examples(images=of(some.images), labels=of(some.labels), indices=of(some.indices))

    return StudyData(
        train=examples(data.train),
        validation=examples(data.validation),
        test=None if data.test is None else examples(data.test),
        classes=data.classes,
    )
