"""Which images a classifier finds hardest, and where it is surest of a wrong answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from objectives.messages import Predictions


@dataclass(frozen=True, kw_only=True, eq=False)
class Look:
    """One image worth a look."""

    image: int
    """Position in its split."""
    true: int
    predicted: int
    probabilities: NDArray[np.float32]
    """(classes,)"""
    entropy: float
    """In nats: 0 is certain."""


def entropy(probabilities: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return H = -sum p log p of each row, in nats; 0 log 0 counts as 0."""
    p = probabilities.astype(np.float64)
    summed: NDArray[np.float64] = -(p * np.log(np.where(p > 0, p, 1.0))).sum(axis=1)
    return summed


def hardest(predictions: Predictions, *, most: int) -> tuple[Look, ...]:
    """Return the images with the largest entropy, hardest first, hit or missed."""
    return _looks(predictions, np.argsort(-entropy(predictions.probabilities), kind="stable")[:most])


def confident_mistakes(predictions: Predictions, *, most: int) -> tuple[Look, ...]:
    """Return the mistakes with the largest probability for the wrong class, surest first."""
    predicted = predictions.probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != predictions.labels)
    order = np.argsort(-predictions.probabilities.max(axis=1)[wrong], kind="stable")[:most]
    return _looks(predictions, wrong[order])


def worth_a_look(predictions: Predictions, *, most: int) -> NDArray[np.int32]:
    """Return the positions in their split of all images that a report may show, sorted."""
    looks = (*hardest(predictions, most=most), *confident_mistakes(predictions, most=most))
    return np.unique(np.array([look.image for look in looks], dtype=np.int32))


def _looks(predictions: Predictions, rows: NDArray[np.intp]) -> tuple[Look, ...]:
    uncertain = entropy(predictions.probabilities[rows])
    return tuple(
        Look(
            image=int(predictions.images[row]),
            true=int(predictions.labels[row]),
            predicted=int(predictions.probabilities[row].argmax()),
            probabilities=predictions.probabilities[row],
            entropy=float(uncertain[place]),
        )
        for place, row in enumerate(rows.tolist())
    )
