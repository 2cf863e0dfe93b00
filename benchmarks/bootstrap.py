"""95 % bootstrap intervals, in words: `0.83 [0.60..0.93]`."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

_resamples_of_means = 10_000
_resamples_of_correlations = 1_000  # each is ranked again, which takes longer


def mean(values: NDArray[np.float64], *, sign: str = "") -> str:
    """Return the mean of values with its interval; `sign="+"` also marks what is not negative."""
    drawn = np.random.default_rng(0).choice(values, size=(_resamples_of_means, len(values))).mean(axis=1)
    return _in_words(float(values.mean()), drawn, sign)


def rank_correlation(scores: NDArray[np.float64]) -> str:
    """Return Spearman's rank correlation of two columns, with its interval over rows."""
    draw = np.random.default_rng(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # nan: all scores of a column, or of a resample, are equal
        drawn = [
            _correlation(scores[draw.integers(len(scores), size=len(scores))])
            for _ in range(_resamples_of_correlations)
        ]
        return _in_words(_correlation(scores), np.array(drawn), "")


def _correlation(scores: NDArray[np.float64]) -> float:
    return float(spearmanr(scores[:, 0], scores[:, 1]).statistic)


def _in_words(value: float, drawn: NDArray[np.float64], sign: str) -> str:
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return f"{value:{sign}.2f} [{low:{sign}.2f}..{high:{sign}.2f}]"
