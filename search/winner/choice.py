"""Choosing among candidates by their scores on fresh seeds: means, noise, who is tied, who is cheapest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import t

from objectives.evaluation.metrics import METRICS
from objectives.messages import Predictions
from reports.classifier.intervals import paired_test, score_interval
from reports.stored.confirmation import Confirmation, ConfirmedCandidate
from reports.stored.records import TrialRecord, schema


@dataclass(frozen=True, kw_only=True)
class Retrained:
    """A candidate as far as it is trained again."""

    trial: TrialRecord
    """The search's run of it."""
    records: tuple[TrialRecord | None, ...]
    """Of each fresh seed; None: not trained yet."""
    predictions: tuple[Predictions, ...]
    """On the validation images, of each fresh seed that counts; fewer where a training failed."""


def choose(candidates: Sequence[Retrained], *, seeds: Sequence[int], counted: int, metric: str) -> Confirmation:
    """Return what trainings on fresh seeds say of the candidates.

    Args:
        candidates: best search score first.
        seeds: of their trainings.
        counted: how many of the seeds, from the first, every candidate is trained with; only these count, so that
            no candidate has a better chance than another.
        metric: a name of `METRICS`.
    """
    scores = [[None if one is None else one.score for one in each.records] for each in candidates]
    whole = [values for row in scores if counted and None not in (values := row[:counted])]
    noise, freedom = _noise([[score for score in values if score is not None] for values in whole])
    found = [
        _judged(candidate, counted=counted, metric=metric, noise=noise, freedom=freedom) for candidate in candidates
    ]
    judged = [(one, each) for one, each in zip(found, candidates, strict=True) if one.mean is not None]
    confirmation = Confirmation(
        schema=schema,
        seeds=tuple(seeds),
        candidates=tuple(found),
        is_complete=counted == len(seeds),
        noise=noise,
        seconds_training=sum(
            one.seconds_training + (one.seconds_building or 0.0) for each in candidates for one in each.records if one
        ),
    )
    if not judged:
        return confirmation
    sign = METRICS[metric].direction.sign
    best, of_best = min(judged, key=lambda pair: (-sign * (pair[0].mean or 0.0), pair[0].parameters or math.inf))
    tied = [
        one
        for one, each in judged
        if one is not best
        and (
            _is_noise(one, best, noise=noise, freedom=freedom, counted=counted)
            or not paired_test(metric, _mean(of_best.predictions), _mean(each.predictions)).is_significant
        )
    ]
    cheapest = min([best, *tied], key=lambda one: (one.parameters or math.inf, one.seconds_an_image or math.inf))
    return replace(
        confirmation,
        chosen=best.trial,
        mean=best.mean,
        interval_95=best.interval_95,
        tied=(best.trial, *(one.trial for one in tied)),
        cheapest=cheapest.trial,
    )


def _judged(each: Retrained, *, counted: int, metric: str, noise: float | None, freedom: int) -> ConfirmedCandidate:
    scores = [None if one is None else one.score for one in each.records]
    values = [score for score in scores[:counted] if score is not None]
    is_whole = bool(counted) and len(values) == counted == len(each.predictions)
    mean = sum(values) / counted if is_whole else None
    return ConfirmedCandidate(
        trial=each.trial.trial,
        search_score=math.nan if each.trial.score is None else each.trial.score,
        scores=tuple(scores),
        mean=mean,
        interval_95=None
        if mean is None
        else mean_score_interval(mean, each.predictions, metric=metric, noise=noise, freedom=freedom),
        parameters=each.trial.parameters,
        seconds_an_image=min((s for one in each.records if one and (s := one.seconds_an_image)), default=None),
    )


def mean_score_interval(
    mean: float, predictions: Sequence[Predictions], *, metric: str, noise: float | None, freedom: int
) -> tuple[float, float]:
    """Return a 95 % interval of a recipe's score, for other images and other seeds.

    The distances of the images' interval (averaged over the seeds) and of the seeds' are squared and added, as in the
    method of variance estimates recovery (Zou and Donner 2008).

    Args:
        mean: of the scores of the seeds.
        predictions: of each seed, on the validation images.
        metric: a name of `METRICS`.
        noise: standard deviation between seeds; None: not known, and left out.
        freedom: degrees of freedom of that.
    """
    measured = METRICS[metric]
    ends = [score_interval(measured, one) for one in predictions]
    values = [measured.measure(one.probabilities, one.labels) for one in predictions]
    below = float(np.mean([value - low for value, (low, _) in zip(values, ends, strict=True)]))
    above = float(np.mean([high - value for value, (_, high) in zip(values, ends, strict=True)]))
    of_seeds = 0.0 if noise is None else float(t.ppf(0.975, freedom)) * noise / math.sqrt(len(predictions))
    low, high = mean - math.hypot(below, of_seeds), mean + math.hypot(above, of_seeds)
    return max(0.0, low), min(1.0, high) if measured.is_fraction else high


def _noise(scores: Sequence[Sequence[float]]) -> tuple[float | None, int]:
    """Return the standard deviation within recipes, pooled over them, and its degrees of freedom."""
    freedom = sum(len(values) - 1 for values in scores)
    if freedom < 1:
        return None, 0
    squares = sum(float(((np.array(values) - np.mean(values)) ** 2).sum()) for values in scores)
    return math.sqrt(squares / freedom), freedom


def _is_noise(
    one: ConfirmedCandidate, other: ConfirmedCandidate, *, noise: float | None, freedom: int, counted: int
) -> bool:
    """Whether the seeds alone may explain the difference of two means."""
    if noise is None or one.mean is None or other.mean is None:
        return True
    return abs(one.mean - other.mean) <= float(t.ppf(0.975, freedom)) * noise * math.sqrt(2 / counted)


def _mean(predictions: Sequence[Predictions]) -> Predictions:
    """Return the mean probabilities of several trainings of a recipe."""
    probabilities = np.stack([one.probabilities for one in predictions]).mean(axis=0)
    return replace(predictions[0], probabilities=probabilities)
