"""Greedy choice of models whose probabilities are averaged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_rounding = 1e-6


def selected(models: Sequence[NDArray[np.float32]], labels: NDArray[np.int32], *, most: int) -> list[int]:
    """Return which models to average, one as often as it counts (Caruana et al. 2004).

    One model after the other is added, with replacement, each time the one with which the mean of the probabilities
    has the lowest log-loss; of all sizes the one with the lowest loss is taken. Not accuracy, in which many choices
    are equal on a few hundred images.

    Args:
        models: what each predicts, (n, classes); one at least.
        labels: (n,) class indices.
        most: models to put together, one that is chosen twice counted twice.
    """
    chosen: list[int] = []
    total = np.zeros(models[0].shape)
    lowest, best = np.inf, chosen
    for size in range(1, most + 1):
        losses = [_loss((total + model) / size, labels) for model in models]
        chosen = [*chosen, int(np.argmin(losses))]
        total = total + models[chosen[-1]]
        if losses[chosen[-1]] < lowest - _rounding:
            lowest, best = losses[chosen[-1]], chosen
    return best


def _loss(probabilities: NDArray[np.float64], labels: NDArray[np.int32]) -> float:
    return float(-np.log(probabilities[np.arange(len(labels)), labels].clip(1e-7)).mean())
