"""Charts of how a search and its trainings went, made from a report's values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from reports.charts.spec import Axis, Chart, Mark, Series, Tone
from reports.stored.run import History, Run, Trial
from reports.wording import count, is_fraction, metric_name, score

Curve = tuple[tuple[float, ...], tuple[float | None, ...]]
"""Places along x, and the value at each."""
CURVES_MOST = 150
"""Trials whose curves are drawn; more would be a smear."""


def history_chart(run: Run) -> Chart:
    """Score of each trial in the order of the search, and the best so far."""
    metric = run.record.metric
    ended = [trial for trial in run.trials if trial.score is not None and trial.state in ("COMPLETE", "PRUNED")]
    complete = [trial for trial in ended if trial.state == "COMPLETE"]
    pruned = [trial for trial in ended if trial.state == "PRUNED"]
    best = _best_so_far(complete, run)
    baselines = [trial for trial in complete if trial.baseline]
    series = [
        _trial_points("stopped early", pruned, run, mark="crosses", tone="quiet"),
        _trial_points("trained to the end", complete, run, mark="points", tone="accent"),
        Series(label="best so far", x=best[0], y=best[1], mark="steps", tone="ink"),
        _trial_points("hand-made", baselines, run, mark="points", tone="contrast"),
    ]
    last = run.ranked[0] if run.ranked else None
    text = f"The best is trial {last.number} with {score(last.score, metric)}." if last else "None has finished."
    return Chart(
        name="history",
        title="Every trial, and the best so far",
        alternative=f"{metric_name(metric).capitalize()} of {count(len(ended), 'trial')} by number. {text}",
        x=Axis(title="trial", is_whole=True),
        y=score_axis(run),
        series=drawn_of(series),
    )


def curve_charts(history: History, *, name: str) -> tuple[Chart, ...]:
    """Accuracy and loss of one trial, training and validation, epoch by epoch."""
    pairs = (("accuracy", "val_accuracy", "Accuracy"), ("loss", "val_loss", "Loss"))
    return tuple(
        _curve_chart(history, training, validation, title=title, name=f"{name}-{training}")
        for training, validation, title in pairs
        if validation in history.columns
    )


def blank_curve_chart(run: Run) -> Chart:
    """Return the score by epoch of a trial whose epochs are filled in later."""
    return Chart(
        name="other-curve",
        title=metric_name(run.record.metric).capitalize(),
        alternative="",
        x=Axis(title="epoch", is_whole=True),
        y=score_axis(run),
        series=(Series(label="validation", x=(), y=(), mark="line", tone="accent", is_thick=True),),
        size="half",
    )


def all_curves_chart(run: Run) -> Chart:
    """Score by epoch of all trials: where each stood, and where hopeless ones were stopped."""
    drawn = [trial for trial in run.trials if trial.history is not None and len(trial.history.epochs)][-CURVES_MOST:]
    winner = run.winner
    pruned = [trial for trial in drawn if trial.state == "PRUNED"]
    others = [trial for trial in drawn if trial.state != "PRUNED" and trial is not winner]
    series = [
        joined("stopped early", curves(pruned, "score"), tone="quiet", opacity=0.45),
        _stops(pruned, run),
        joined("other trials", curves(others, "score"), tone="accent", opacity=0.45),
    ]
    if winner and winner.history is not None:
        series.append(line("winner", winner.history, "score", tone="contrast", is_thick=True))
    return Chart(
        name="all-curves",
        title="All trials, epoch by epoch",
        alternative=f"Score by epoch of {count(len(drawn), 'trial')}; {len(pruned)} were stopped early.",
        x=Axis(title="epoch", is_whole=True),
        y=score_axis(run),
        series=drawn_of(series),
    )


def score_axis(run: Run, *, title: str | None = None) -> Axis:
    """The axis of the objective's metric."""
    metric = run.record.metric
    return Axis(title=metric_name(metric) if title is None else title, is_fraction=is_fraction(metric))


def drawn_of(series: Iterable[Series]) -> tuple[Series, ...]:
    """Those that have a point at all."""
    return tuple(one for one in series if one.x)


def _best_so_far(complete: list[Trial], run: Run) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if not complete:
        return (), ()
    scores = [trial.score for trial in complete if trial.score is not None]
    best = [*accumulate(scores, lambda one, other: run.direction.best_of((one, other)))]
    numbers = [float(trial.number) for trial in complete]
    return (*numbers, float(run.trials[-1].number)), (*best, best[-1])


def note_on(trial: Trial, run: Run) -> str:
    """What to say of a trial's point."""
    name = f", {trial.baseline or trial.start}" if trial.baseline or trial.start else ""
    stopped = f", stopped after {count(trial.epochs, 'epoch')}" if trial.state == "PRUNED" else ""
    return f"trial {trial.number}{name}: {score(trial.score, run.record.metric)}{stopped}"


def _trial_points(name: str, trials: list[Trial], run: Run, *, mark: Mark, tone: Tone) -> Series:
    return Series(
        label=name,
        x=tuple(float(trial.number) for trial in trials),
        y=tuple(trial.score for trial in trials),
        mark=mark,
        tone=tone,
        notes=tuple(note_on(trial, run) for trial in trials),
    )


def finite(values: NDArray[np.float64]) -> tuple[float | None, ...]:
    """Values to five places; None for not-a-number."""
    return tuple(value if math.isfinite(value) else None for value in np.round(values, 5).tolist())


def line(
    name: str, history: History, column: str, *, tone: Tone, is_thick: bool = False, mark: Mark = "line"
) -> Series:
    """One trial's column by epoch; without points where the column was not recorded."""
    epochs, values = _curve(history, column) if column in history.columns else ((), ())
    return Series(label=name, x=epochs, y=values, mark=mark, tone=tone, is_thick=is_thick)


def curves(trials: Iterable[Trial], column: str) -> list[Curve]:
    """The epochs and values of each trial that recorded the column."""
    histories = [trial.history for trial in trials if trial.history and column in trial.history.columns]
    return [_curve(history, column) for history in histories]


def joined(name: str, lines: Iterable[Curve], *, tone: Tone, opacity: float) -> Series:
    """Many lines as one series, which breaks between them."""
    x: list[float | None] = []
    y: list[float | None] = []
    for across, up in lines:
        x += [*across, None]
        y += [*up, None]
    return Series(label=name, x=tuple(x), y=tuple(y), mark="line", tone=tone, opacity=opacity)


def _curve(history: History, column: str) -> Curve:
    return tuple(map(float, history.epochs.tolist())), finite(history.columns[column])


def _curve_chart(history: History, training: str, validation: str, *, title: str, name: str) -> Chart:
    both = (
        line("training", history, training, tone="contrast", mark="dashed"),
        line("validation", history, validation, tone="accent", is_thick=True),
    )
    series = drawn_of(both)
    ends = ", ".join(f"{one.label} ends at {one.y[-1]}" for one in series)
    return Chart(
        name=name,
        title=title,
        alternative=f"{title} by epoch: {ends}.",
        x=Axis(title="epoch", is_whole=True),
        y=Axis(title=title.lower(), is_fraction=title == "Accuracy"),
        series=series,
        size="half",
    )


def _stops(pruned: list[Trial], run: Run) -> Series:
    ends = curves(pruned, "score")
    return Series(
        label="where it was stopped",
        x=tuple(epochs[-1] for epochs, _ in ends),
        y=tuple(scores[-1] for _, scores in ends),
        mark="crosses",
        tone="muted",
        notes=tuple(note_on(trial, run) for trial in pruned),
        is_named=False,
    )
