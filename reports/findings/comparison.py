"""Several studies of the same data side by side: scores, cost, classes, and a paired test on the same images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from objectives.evaluation.metrics import METRICS
from objectives.messages import Predictions
from reports.classifier.intervals import PairedTest, paired_test, paired_test_name
from reports.classifier.per_class import class_table
from reports.findings.answer import test_score
from reports.stored.records import MetricScore
from reports.stored.run import Run
from reports.wording import count, duration, listing, p_value
from spaces.errors import StudyConflictError, UsageError

_classes_shown = 10


@dataclass(frozen=True, kw_only=True)
class Side:
    """One study of a comparison."""

    study: str
    space: str
    metric: str
    best_trial: int | None
    score: float | None
    """On the validation images, which may differ between studies: their seeds choose them."""
    test_accuracy: float | None
    interval_95: tuple[float, float] | None
    test_images: int | None
    test: MetricScore | None
    """The metric of the comparison, on the test images."""
    trials: int
    """That have ended."""
    epochs: int
    seconds_training: float


@dataclass(frozen=True, kw_only=True)
class ClassDifference:
    """How well the winners of the first and of another study find the test images of one class."""

    name: str
    first_recall: float
    other_recall: float
    support: int

    @property
    def gain(self) -> float:
        """Recall of the other less that of the first."""
        return self.other_recall - self.first_recall


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The first study against another, on the same test images."""

    other: str
    test: PairedTest | None
    """None: one of the two was not measured on all test images."""
    gain: float | None
    """Score of the other less that of the first, by the metric of the comparison."""
    is_better: bool | None
    """Whether the other is better than the first; None: chance alone may explain the difference."""
    classes: tuple[ClassDifference, ...]
    """The largest difference first."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Studies of the same data; each other against the first."""

    data: str
    metric: str
    """One of `METRICS`: that of all studies, or the accuracy where they were searched by different ones."""
    sides: tuple[Side, ...]
    pairs: tuple[Pair, ...]

    @property
    def note(self) -> str:
        """Which metric is compared where the studies were searched by different ones; else empty."""
        metrics = sorted({side.metric for side in self.sides})
        if len(metrics) == 1:
            return ""
        return f"searched by different metrics ({listing(metrics, most=len(metrics))}); compared by accuracy"

    def lines(self) -> Iterator[str]:
        """Yield the comparison as lines of text."""
        yield f"data: {self.data}"
        if self.note:
            yield self.note
        for side in self.sides:
            yield ""
            yield f"{side.study} (space {side.space})"
            yield f"  {_score_line(side)}"
            yield from _test_lines(side)
            spent = duration(side.seconds_training)
            yield f"  cost: {count(side.trials, 'trial')}, {count(side.epochs, 'epoch')}, {spent} of training"
        for pair in self.pairs:
            yield ""
            yield from _pair_lines(self.sides[0].study, pair, self.metric)


def compare(runs: Sequence[Run]) -> Comparison:
    """Compare two studies or more.

    Raises:
        UsageError: fewer than two, or one twice.
        StudyConflictError: their data differ.
    """
    names = [run.record.study for run in runs]
    if len(runs) < 2 or len({run.folder.resolve() for run in runs}) < len(runs):
        raise UsageError(
            f"{' and '.join(names) or 'nothing'} can't be compared: expected two or more different studies"
        )
    first, *others = runs
    for other in others:
        _check_same_data(first, other)
    metrics = {run.record.metric for run in runs}
    metric = metrics.pop() if len(metrics) == 1 else "val_accuracy"
    return Comparison(
        data=f"{first.record.data.name}, {len(first.classes)} classes, {first.record.data.fingerprint[:19]}",
        metric=metric,
        sides=tuple(_side(run, metric) for run in runs),
        pairs=tuple(_pair(first, other, metric) for other in others),
    )


def _check_same_data(first: Run, other: Run) -> None:
    one, two = first.record.data, other.record.data
    if one.fingerprint != two.fingerprint or one.classes != two.classes:
        raise StudyConflictError(
            f"studies '{first.record.study}' and '{other.record.study}' are of different images, "
            "so their scores are not comparable:\n"
            f"  {one.name} ({one.height}x{one.width}, {one.fingerprint[:19]})\n"
            f"  {two.name} ({two.height}x{two.width}, {two.fingerprint[:19]})"
        )


def _side(run: Run, metric: str) -> Side:
    records = [trial.record for trial in run.trials if trial.record is not None]
    winner, measured = run.winner, run.measurement
    return Side(
        study=run.record.study,
        space=run.record.space,
        metric=run.record.metric,
        best_trial=winner.number if winner else None,
        score=winner.score if winner else None,
        test_accuracy=measured.accuracy if measured else None,
        interval_95=measured.interval_95 if measured else None,
        test_images=measured.images if measured else None,
        test=_score_by(run, metric),
        trials=len(records),
        epochs=sum(record.epochs for record in records),
        seconds_training=sum(record.seconds_training for record in records),
    )


def _score_by(run: Run, metric: str) -> MetricScore | None:
    tested = test_score(run)
    if tested is None or metric != "val_accuracy":
        return tested.score if tested else None
    return MetricScore(metric="accuracy", value=tested.accuracy, interval_95=tested.interval_95)


def _pair(first: Run, other: Run, metric: str) -> Pair:
    one, two = first.test, other.test
    if one is None or two is None or not np.array_equal(np.sort(one.images), np.sort(two.images)):
        return Pair(other=other.record.study, test=None, gain=None, is_better=None, classes=())
    one, two = _in_order(one), _in_order(two)
    test, measured = paired_test(metric, one, two), METRICS[metric]
    gain = measured.measure(two.probabilities, two.labels) - measured.measure(one.probabilities, one.labels)
    one_class, two_class = one.probabilities.argmax(axis=1), two.probabilities.argmax(axis=1)
    tables = (class_table(one.labels, one_class, first.classes), class_table(two.labels, two_class, first.classes))
    differences = [
        ClassDifference(name=a.name, first_recall=a.recall, other_recall=b.recall, support=a.support)
        for a, b in zip(tables[0].rows, tables[1].rows, strict=True)
    ]
    return Pair(
        other=other.record.study,
        test=test,
        gain=gain,
        is_better=measured.direction.is_better(gain, than=0.0) if test.is_significant else None,
        classes=tuple(sorted(differences, key=lambda difference: -abs(difference.gain))),
    )


def _in_order(predictions: Predictions) -> Predictions:
    order = np.argsort(predictions.images)
    return Predictions(
        probabilities=predictions.probabilities[order],
        labels=predictions.labels[order],
        images=predictions.images[order],
    )


def _score_line(side: Side) -> str:
    if side.score is None:
        return "no trial is complete yet"
    return f"best {side.metric} {side.score:.4f} on its validation images: trial {side.best_trial}"


def _test_lines(side: Side) -> Iterator[str]:
    scores = [side.test] if side.test else []
    if (
        side.test_accuracy is not None
        and side.interval_95 is not None
        and not (side.test and side.test.metric == "accuracy")
    ):
        scores.append(MetricScore(metric="accuracy", value=side.test_accuracy, interval_95=side.interval_95))
    for score in scores:
        low, high = score.interval_95
        yield (
            f"  test {score.metric} {score.value:.4f} on {count(side.test_images or 0, 'image')} "
            f"(95 % interval {low:.4f} to {high:.4f})"
        )


def _pair_lines(first: str, pair: Pair, metric: str) -> Iterator[str]:
    if pair.test is None or pair.gain is None:
        yield f"{pair.other} against {first}: not both winners are measured on the same test images"
        return
    test = pair.test
    result = f"({paired_test_name(metric)}: {p_value(test.p)})"
    against = f"{pair.other} against {first}, on the same test images:"
    if metric == "val_accuracy":
        right = f"only {pair.other} is right on {test.only_second:,}, only {first} on {test.only_first:,}"
        yield f"{against} {right} {result}"
    else:
        yield f"{against} {metric.removeprefix('val_')} {pair.gain:+.4f} {result}"
    if pair.is_better is None:
        yield "  a difference that chance alone often makes"
    for difference in pair.classes[:_classes_shown]:
        if difference.gain:
            yield (
                f"  {difference.name}: recall {difference.first_recall:.3f} -> {difference.other_recall:.3f} "
                f"({difference.gain:+.3f}, {difference.support:,} images)"
            )
