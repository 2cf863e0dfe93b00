"""Whether probabilities mean what they say: reliability, expected calibration error, top-k accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Images whose largest probability lies in one range."""

    low: float
    high: float
    images: int
    confidence: float
    """Mean of the largest probability."""
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """A reliability diagram as numbers."""

    bins: tuple[Bin, ...]
    """Ranges of equal width; those without images are left out."""
    error: float
    """Expected calibration error: mean over images of |confidence - accuracy| of their bin (Guo et al. 2017)."""
    overconfidence: float
    """Mean confidence less accuracy: above 0, the network is surer than it is right."""


def calibration(
    probabilities: NDArray[np.floating[Any]], labels: NDArray[np.integer[Any]], *, bins: int = 10
) -> Calibration:
    """Return how far confidence and accuracy agree.

    Args:
        probabilities: (n, classes), n at least 1.
        labels: (n,) true classes.
        bins: ranges of equal width from 0 to 1, each open below and closed above.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    found = tuple(
        Bin(
            low=number / bins,
            high=(number + 1) / bins,
            images=int((place == number).sum()),
            confidence=float(confidence[place == number].mean()),
            accuracy=float(right[place == number].mean()),
        )
        for number in np.unique(place).tolist()
    )
    error = sum(one.images * abs(one.confidence - one.accuracy) for one in found) / len(labels)
    return Calibration(bins=found, error=error, overconfidence=float(confidence.mean() - right.mean()))


def top_accuracy(probabilities: NDArray[np.floating[Any]], labels: NDArray[np.integer[Any]], *, k: int) -> float:
    """Return the fraction of images whose true class is among the `k` most probable."""
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return float((order == labels[:, None]).any(axis=1).mean())
