"""A comparison of studies as one HTML page that needs no network and no script."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

from markupsafe import Markup

from objectives.files.atomic import write_whole
from reports.charts.spec import Axis, Chart, Series, Tone
from reports.classifier.intervals import paired_test_name
from reports.findings.comparison import Comparison, Pair
from reports.pages.parts import figure_of
from reports.pages.templates import asset, environment
from reports.stored.run import Run
from reports.wording import count, distance, is_fraction, metric_name, name_on_test, p_value, score

_tones: tuple[Tone, ...] = ("accent", "contrast", "ink", "muted", "quiet")


def write_comparison(runs: Sequence[Run], comparison: Comparison) -> Path:
    """Write the page into the first study's folder, whole or not at all, and return its path.

    Args:
        runs: the studies, in the order of the comparison.
        comparison: of these.

    Raises:
        OSError: it can't be written; an older page stays as it was.
    """
    first, second, *more = runs
    others = f"{second.folder.resolve().name}-and-{len(more)}-more" if more else second.folder.resolve().name
    path = first.folder / f"compare-{others}.html"
    write_whole(path, render_comparison(runs, comparison))
    return path


def render_comparison(runs: Sequence[Run], comparison: Comparison) -> str:
    """Return the page: at most 1 MB, without script."""
    course = course_chart(runs)
    return (
        environment()
        .get_template("comparison.html")
        .render(
            found=comparison,
            runs=runs,
            headline=headline(comparison),
            sentences=[sentence(comparison, pair) for pair in comparison.pairs],
            course=figure_of(course, is_lite=True) if course is not None else None,
            style=Markup(asset("report.css")),
        )
    )


def headline(comparison: Comparison) -> str:
    """Return which study's winner is the best on the test images, as far as they can be distinguished."""
    first = comparison.sides[0].study
    if any(pair.test is None for pair in comparison.pairs):
        return "Not all winners are measured on the same test images"
    apart = [pair for pair in comparison.pairs if pair.is_better is not None]
    if not apart:
        return "No difference beyond chance"
    if len(comparison.pairs) > 1:
        return f"{len(apart)} of {count(len(comparison.pairs), 'study')} differ from {first} by more than chance"
    return f"{apart[0].other if apart[0].is_better else first} is better"


def sentence(comparison: Comparison, pair: Pair) -> str:
    """Say how the winners of the first and of another study compare on the same test images."""
    test, first, metric = pair.test, comparison.sides[0].study, comparison.metric
    if test is None or pair.gain is None:
        return f"{pair.other} against {first}: not both winners are measured on the same test images."
    verdict = "a difference that chance alone often makes" if pair.is_better is None else "more than chance explains"
    images = sum(one.support for one in pair.classes)
    result = f"({paired_test_name(metric)}: {p_value(test.p)}): {verdict}."
    if metric != "val_accuracy":
        ahead = f"{pair.other} is {distance(pair.gain, 0.0, metric)} {first}"
        name = name_on_test(metric).removeprefix("test ")
        return f"On the same {count(images, 'test image')}, {ahead} in {name} {result}"
    return (
        f"Of the same {count(images, 'test image')}, {test.only_second:,} are right only with {pair.other} and "
        f"{test.only_first:,} only with {first} {result}"
    )


def course_chart(runs: Sequence[Run]) -> Chart | None:
    """Return the best score so far by time spent training; None where one axis can't show it.

    That is where the studies chose by different metrics, are more than five, or have no complete trial.
    """
    metrics = {run.record.metric for run in runs}
    steps = {run.record.study: (*_steps(run),) for run in runs}
    if len(metrics) > 1 or len(runs) > len(_tones) or not any(steps.values()):
        return None
    (metric,) = metrics
    ends = {study: taken[-1] for study, taken in steps.items() if taken}
    listed = [f"{study} is at {score(best, metric)} after {minutes:.1f}" for study, (minutes, best) in ends.items()]
    return Chart(
        name="course",
        title="Best so far by time spent training",
        alternative=f"{metric_name(metric).capitalize()} by minutes of training: {'; '.join(listed)}.",
        x=Axis(title="minutes of training, all workers together"),
        y=Axis(title=metric_name(metric), is_fraction=is_fraction(metric)),
        series=tuple(
            _course(study, taken, tone) for (study, taken), tone in zip(steps.items(), _tones, strict=False) if taken
        ),
    )


def _course(study: str, steps: tuple[tuple[float, float], ...], tone: Tone) -> Series:
    return Series(
        label=study,
        x=tuple(minutes for minutes, _ in steps),
        y=tuple(best for _, best in steps),
        mark="steps",
        tone=tone,
        is_thick=tone == _tones[1],  # so that two studies differ without colours
    )


def _steps(run: Run) -> Iterator[tuple[float, float]]:
    """Yield minutes of training and the best score of complete trials, in the order in which trials ended."""
    ended = sorted((trial.record for trial in run.trials if trial.record), key=lambda record: record.ended)
    best: float | None = None
    for seconds, record in zip(accumulate(record.seconds_training for record in ended), ended, strict=True):
        if record.state == "COMPLETE" and record.score is not None:
            best = record.score if best is None else run.direction.best_of((best, record.score))
        if best is not None:
            yield seconds / 60, best
