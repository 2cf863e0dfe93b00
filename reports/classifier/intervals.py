"""How sure a number is: Wilson's interval, McNemar's exact test, Student's interval of a mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, t

SIGNIFICANT = 0.05
"""Chance of a difference below which it is taken as real."""


@dataclass(frozen=True, kw_only=True)
class McNemar:
    """Two classifiers on the same images, by the images that only one of them has right."""

    only_first: int
    only_second: int
    p: float
    """Chance of a difference this large if neither were better: exact, two-sided (McNemar 1947)."""

    @property
    def is_significant(self) -> bool:
        """Whether p is below `SIGNIFICANT`."""
        return self.p < SIGNIFICANT


@dataclass(frozen=True, kw_only=True)
class Mean:
    """A mean with Student's 95 % interval; of a single value, no interval."""

    mean: float
    low: float | None
    high: float | None
    count: int


def wilson(correct: int, images: int) -> tuple[float, float]:
    """Return Wilson's 95 % score interval of an accuracy (Wilson 1927)."""
    found = binomtest(correct, images).proportion_ci(confidence_level=0.95, method="wilson")
    return float(found.low), float(found.high)


def mcnemar(first_right: NDArray[np.bool_], second_right: NDArray[np.bool_]) -> McNemar:
    """Compare two classifiers on the same images.

    Args:
        first_right: (n,) whether the first has each image right.
        second_right: (n,) the same of the second.
    """
    only_first = int((first_right & ~second_right).sum())
    only_second = int((second_right & ~first_right).sum())
    differing = only_first + only_second
    p = float(binomtest(only_first, differing).pvalue) if differing else 1.0
    return McNemar(only_first=only_first, only_second=only_second, p=p)


def mean_interval(values: NDArray[np.floating[Any]]) -> Mean:
    """Return the mean of some values, at least one, with its 95 % interval."""
    mean, count = float(values.mean()), len(values)
    if count < 2:
        return Mean(mean=mean, low=None, high=None, count=count)
    half = float(t.ppf(0.975, count - 1)) * float(values.std(ddof=1)) / count**0.5
    return Mean(mean=mean, low=mean - half, high=mean + half, count=count)
