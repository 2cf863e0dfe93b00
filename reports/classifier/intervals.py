"""How sure a number is: Wilson's interval, McNemar's exact test, the bootstrap, Student's interval of a mean."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, t

from objectives.evaluation.metrics import METRICS, Metric
from objectives.messages import Predictions
from reports.stored.records import MetricScore

SIGNIFICANT = 0.05
"""Chance of a difference below which it is taken as real."""
RESAMPLES = 1000
"""Times that a bootstrap draws the images again."""
_seed = 0


@dataclass(frozen=True, kw_only=True)
class PairedTest:
    """Two classifiers on the same images: those that only one of them has right, and a test of the difference."""

    only_first: int
    only_second: int
    p: float
    """Chance of a difference this large if neither were better, two-sided."""

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


def mcnemar(first_right: NDArray[np.bool_], second_right: NDArray[np.bool_]) -> PairedTest:
    """Compare the accuracy of two classifiers on the same images by McNemar's exact test (McNemar 1947).

    Args:
        first_right: (n,) whether the first has each image right.
        second_right: (n,) the same of the second.
    """
    only_first = int((first_right & ~second_right).sum())
    only_second = int((second_right & ~first_right).sum())
    differing = only_first + only_second
    p = float(binomtest(only_first, differing).pvalue) if differing else 1.0
    return PairedTest(only_first=only_first, only_second=only_second, p=p)


def resampled_scores(metric: Metric, predictions: Predictions) -> NDArray[np.float64]:
    """Return (`RESAMPLES`,) a metric of images drawn again with replacement, of each class as many as there are.

    The images drawn depend on the labels alone: two classifiers of the same images are scored on the same draws.
    """
    labels = predictions.labels
    each = metric.each(predictions.probabilities, labels)
    by_class = np.argsort(labels, kind="stable")
    _, first, images = np.unique(labels[by_class], return_index=True, return_counts=True)
    first, images = np.repeat(first, images), np.repeat(images, images)
    random = np.random.default_rng(_seed)
    scores = np.empty(RESAMPLES)
    for place in range(RESAMPLES):
        drawn = by_class[first + (random.random(len(labels)) * images).astype(np.int64)]
        scores[place] = metric.combine(each[drawn], labels[drawn])
    return scores


def score_interval(metric: Metric, predictions: Predictions) -> tuple[float, float]:
    """Return a 95 % interval of a metric: Wilson's of the accuracy, of others the bootstrap's percentiles."""
    if metric.name == "val_accuracy":
        right = predictions.probabilities.argmax(axis=1) == predictions.labels
        return wilson(int(right.sum()), len(right))
    low, high = np.percentile(resampled_scores(metric, predictions), [2.5, 97.5])
    return float(low), float(high)


def metric_score(metric: str, predictions: Predictions) -> MetricScore:
    """Return a metric of predictions on the test images."""
    measured = METRICS[metric]
    return MetricScore(
        metric=metric.removeprefix("val_"),
        value=measured.measure(predictions.probabilities, predictions.labels),
        interval_95=score_interval(measured, predictions),
    )


def bootstrap_p(metric: Metric, first: Predictions, second: Predictions) -> float:
    """Return the chance of a difference this large between two classifiers of the same images, two-sided."""
    differences = resampled_scores(metric, first) - resampled_scores(metric, second)
    tail = min((differences <= 0).sum(), (differences >= 0).sum())
    return float(min(1.0, 2 * (tail + 1) / (RESAMPLES + 1)))


def paired_test(metric: str, first: Predictions, second: Predictions) -> PairedTest:
    """Compare two classifiers by a metric of `METRICS`; their rows are the same images in the same order."""
    right = [one.probabilities.argmax(axis=1) == one.labels for one in (first, second)]
    exact = mcnemar(*right)
    return exact if metric == "val_accuracy" else replace(exact, p=bootstrap_p(METRICS[metric], first, second))


def paired_test_name(metric: str) -> str:
    """Return the name of the test by which `paired_test` compares that metric."""
    return "McNemar's exact test" if metric == "val_accuracy" else "paired bootstrap"


def mean_interval(values: NDArray[np.floating[Any]]) -> Mean:
    """Return the mean of some values, at least one, with its 95 % interval."""
    mean, count = float(values.mean()), len(values)
    if count < 2:
        return Mean(mean=mean, low=None, high=None, count=count)
    half = float(t.ppf(0.975, count - 1)) * float(values.std(ddof=1)) / count**0.5
    return Mean(mean=mean, low=mean - half, high=mean + half, count=count)
