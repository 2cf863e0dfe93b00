"""The charts of a report, made from its values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import FloatDistribution, IntDistribution

from reports.calibration import Calibration
from reports.chart import Axis, Chart, HeatMap, Mark, Series, Tone
from reports.run import History, Run, Trial
from reports.wording import count, is_fraction, label, metric_name, percent, score, value

_curves_most = 150
"""Trials whose curves are drawn; more would be a smear."""
_points_most = 600
"""Trials drawn against each parameter; of more, every second or third or ... in the order of their score."""


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
    told = f"The best is trial {last.number} with {score(last.score, metric)}." if last else "None has finished."
    return Chart(
        name="history",
        title="Every trial, and the best so far",
        alternative=f"{metric_name(metric).capitalize()} of {count(len(ended), 'trial')} by number. {told}",
        x=Axis(title="trial", is_whole=True),
        y=_score_axis(run),
        series=_drawn(series),
    )


def curve_charts(history: History, *, name: str) -> tuple[Chart, ...]:
    """Accuracy and loss of one trial, training and validation, epoch by epoch."""
    pairs = (("accuracy", "val_accuracy", "Accuracy"), ("loss", "val_loss", "Loss"))
    return tuple(
        _curve_chart(history, training, validation, title=title, name=f"{name}-{training}")
        for training, validation, title in pairs
        if validation in history.columns
    )


def all_curves_chart(run: Run) -> Chart:
    """Score by epoch of all trials: where each stood, and where hopeless ones were stopped."""
    drawn = [trial for trial in run.trials if trial.history is not None and len(trial.history.epochs)][-_curves_most:]
    winner = run.winner
    pruned = [trial for trial in drawn if trial.state == "PRUNED"]
    others = [trial for trial in drawn if trial.state != "PRUNED" and trial is not winner]
    series = [
        _joined("stopped early", pruned, tone="quiet"),
        _stops(pruned, run),
        _joined("other trials", others, tone="accent"),
    ]
    if winner and winner.history is not None:
        series.append(_line("winner", winner.history, "score", tone="contrast", is_thick=True))
    return Chart(
        name="all-curves",
        title="All trials, epoch by epoch",
        alternative=f"Score by epoch of {count(len(drawn), 'trial')}; {len(pruned)} were stopped early.",
        x=Axis(title="epoch", is_whole=True),
        y=_score_axis(run),
        series=_drawn(series),
    )


def parameter_chart(run: Run, name: str) -> Chart:
    """One parameter against the score of finished trials."""
    winner, step = run.winner, thinned_by(len(run.ranked))
    trials = [
        trial
        for place, trial in enumerate(run.ranked)
        if name in trial.params and (place % step == 0 or trial is winner)
    ]
    values = [trial.params[name] for trial in trials]
    ticks, places = _places(values)
    marked = [
        (place, trial) for place, trial in zip(places, trials, strict=True) if winner and trial.number == winner.number
    ]
    series = [
        _places_series("finished trials", places, trials, run, tone="accent", opacity=0.55),
        _places_series("winner", [place for place, _ in marked], [trial for _, trial in marked], run, tone="contrast"),
    ]
    return Chart(
        name=f"parameter-{_identifier(name)}",
        title=label(name),
        alternative=f"{label(name)} against {metric_name(run.record.metric)}, {count(len(trials), 'finished trial')}.",
        x=Axis(title="", ticks=ticks, is_log=ticks is None and _is_log(run, name, values)),
        y=_score_axis(run, title=""),
        series=_drawn(series),
        size="small",
    )


def thinned_by(finished: int) -> int:
    """Of so many finished trials, every how many-th is drawn against each parameter; the best always is."""
    return max(1, math.ceil(finished / _points_most))


def parallel_chart(run: Run, names: tuple[str, ...]) -> Chart | None:
    """Each finished trial as a line over its parameters, the best in colour."""
    trials = [trial for trial in run.ranked if all(name in trial.params for name in names)][:_curves_most]
    if len(trials) < 2 or len(names) < 2:
        return None
    columns = [_stretched(run, name, trials) for name in names]
    best = max(1, len(trials) // 10)
    series = [
        _polylines("finished trials", columns, trials, range(best, len(trials)), tone="quiet", opacity=0.5),
        _polylines(f"best {best}" if best > 1 else "best", columns, trials, range(best), tone="contrast", opacity=0.9),
    ]
    ticks = tuple((float(place), f"{label(name)}\n{_range(trials, name)}") for place, name in enumerate(names))
    return Chart(
        name="parallel",
        title="The best trials, parameter by parameter",
        alternative=f"{count(len(trials), 'finished trial')} over {', '.join(map(label, names))}.",
        x=Axis(title="", ticks=ticks, limits=(-0.15, len(names) - 0.85)),
        y=Axis(title="", ticks=()),
        series=_drawn(series),
    )


def reliability_chart(found: Calibration) -> Chart:
    """Accuracy against confidence: on the diagonal, probabilities mean what they say."""
    notes = tuple(
        f"{count(one.images, 'image')}: {percent(one.confidence)} sure, {percent(one.accuracy)} right"
        for one in found.bins
    )
    return Chart(
        name="reliability",
        title="How sure against how right",
        alternative=". ".join(notes),
        x=Axis(title="probability of the predicted class", is_fraction=True, limits=(0.0, 1.0)),
        y=Axis(title="how often right", is_fraction=True, limits=(0.0, 1.02)),
        series=(
            Series(label="as sure as right", x=(0.0, 1.0), y=(0.0, 1.0), mark="dashed", tone="quiet"),
            Series(
                label="this network",
                x=tuple(one.confidence for one in found.bins),
                y=tuple(one.accuracy for one in found.bins),
                mark="line",
                tone="accent",
                is_named=False,
            ),
            Series(
                label="this network",
                x=tuple(one.confidence for one in found.bins),
                y=tuple(one.accuracy for one in found.bins),
                mark="points",
                tone="accent",
                notes=notes,
            ),
        ),
        size="half",
    )


def confusion_map(counts: NDArray[np.int32], classes: tuple[str, ...]) -> HeatMap:
    """The confusion matrix as colours, for more classes than a table of numbers can show."""
    fractions = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return HeatMap(
        name="confusion",
        title="Confusion matrix",
        alternative=f"True class by row, predicted class by column, {len(classes)} classes.",
        names=classes,
        fractions=tuple(tuple(row) for row in np.round(fractions, 4).tolist()),
        counts=tuple(tuple(row) for row in counts.tolist()),
    )


def _score_axis(run: Run, *, title: str | None = None) -> Axis:
    metric = run.record.metric
    return Axis(title=metric_name(metric) if title is None else title, is_fraction=is_fraction(metric))


def _drawn(series: Iterable[Series]) -> tuple[Series, ...]:
    return tuple(one for one in series if one.x)


def _best_so_far(complete: list[Trial], run: Run) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if not complete:
        return (), ()
    scores = np.array([trial.score for trial in complete], dtype=np.float64)
    best = np.maximum.accumulate(scores) if run.direction == "maximize" else np.minimum.accumulate(scores)
    numbers = [float(trial.number) for trial in complete]
    return (*numbers, float(run.trials[-1].number)), (*best.tolist(), float(best[-1]))


def _note(trial: Trial, run: Run) -> str:
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
        notes=tuple(_note(trial, run) for trial in trials),
    )


def _finite(values: NDArray[np.float64]) -> tuple[float | None, ...]:
    return tuple(value if math.isfinite(value) else None for value in np.round(values, 5).tolist())


def _line(
    name: str, history: History, column: str, *, tone: Tone, is_thick: bool = False, mark: Mark = "line"
) -> Series:
    return Series(
        label=name,
        x=tuple(float(epoch) for epoch in history.epochs),
        y=_finite(history.columns[column]),
        mark=mark,
        tone=tone,
        is_thick=is_thick,
    )


def _curve_chart(history: History, training: str, validation: str, *, title: str, name: str) -> Chart:
    series = [_line("validation", history, validation, tone="accent", is_thick=True)]
    if training in history.columns:
        series.insert(0, _line("training", history, training, tone="contrast", mark="dashed"))
    ends = ", ".join(f"{one.label} ends at {one.y[-1]}" for one in series if one.y)
    return Chart(
        name=name,
        title=title,
        alternative=f"{title} by epoch: {ends}.",
        x=Axis(title="epoch", is_whole=True),
        y=Axis(title=title.lower(), is_fraction=title == "Accuracy"),
        series=_drawn(series),
        size="half",
    )


def _joined(name: str, trials: list[Trial], *, tone: Tone) -> Series:
    """Many trials as one series whose line breaks between them."""
    x: list[float | None] = []
    y: list[float | None] = []
    for trial in trials:
        if trial.history is not None:
            x += [*map(float, trial.history.epochs.tolist()), None]
            y += [*_finite(trial.history.scores), None]
    return Series(label=name, x=tuple(x), y=tuple(y), mark="line", tone=tone, opacity=0.45)


def _stops(pruned: list[Trial], run: Run) -> Series:
    ends = [(trial, trial.history) for trial in pruned if trial.history is not None]
    return Series(
        label="where it was stopped",
        x=tuple(float(history.epochs[-1]) for _, history in ends),
        y=tuple(_finite(history.scores)[-1] for _, history in ends),
        mark="crosses",
        tone="muted",
        notes=tuple(_note(trial, run) for trial, _ in ends),
        is_named=False,
    )


def _places(values: list[Any]) -> tuple[tuple[tuple[float, str], ...] | None, list[float]]:
    """Return ticks and places on an axis; no ticks where the values are numbers enough for a scale."""
    numeric = all(isinstance(one, int | float) and not isinstance(one, bool) for one in values)
    distinct = sorted(set(values)) if numeric else sorted(set(values), key=str)
    if numeric and len(distinct) > 8:
        return None, [float(one) for one in values]
    order = {repr(one): float(place) for place, one in enumerate(distinct)}
    return tuple((order[repr(one)], value(one)) for one in distinct), [order[repr(one)] for one in values]


def _is_log(run: Run, name: str, values: list[Any]) -> bool:
    drawn = next((trial.distributions[name] for trial in _stored(run) if name in trial.distributions), None)
    if isinstance(drawn, FloatDistribution | IntDistribution):
        return bool(drawn.log)
    return bool(min(values) > 0 and max(values) > 100 * min(values))


def _stored(run: Run) -> list[Any]:
    return run.study.get_trials(deepcopy=False) if run.study else []


def _places_series(
    name: str, places: list[float], trials: list[Trial], run: Run, *, tone: Tone, opacity: float = 1.0
) -> Series:
    return Series(
        label=name,
        x=tuple(places),
        y=tuple(trial.score for trial in trials),
        mark="points",
        tone=tone,
        notes=tuple(_note(trial, run) for trial in trials),
        opacity=opacity,
        is_named=False,
    )


def _stretched(run: Run, name: str, trials: list[Trial]) -> list[float]:
    """Places of one parameter's values between 0 (its least) and 1 (its most)."""
    values = [trial.params[name] for trial in trials]
    ticks, places = _places(values)
    scaled = np.log(places) if ticks is None and _is_log(run, name, values) else np.array(places)
    spread = float(np.ptp(scaled))
    stretched: list[float] = (
        ((scaled - scaled.min()) / spread if spread else np.full(len(scaled), 0.5)).round(4).tolist()
    )
    return stretched


def _range(trials: list[Trial], name: str) -> str:
    values = [trial.params[name] for trial in trials]
    numeric = all(isinstance(one, int | float) for one in values)
    low, *_, high = sorted(values) if numeric else sorted(values, key=str)
    return f"{value(low)} to {value(high)}"


def _polylines(
    name: str, columns: list[list[float]], trials: list[Trial], which: range, *, tone: Tone, opacity: float
) -> Series:
    x: list[float | None] = []
    y: list[float | None] = []
    for place in which:
        x += [*map(float, range(len(columns))), None]
        y += [*(column[place] for column in columns), None]
    return Series(label=name, x=tuple(x), y=tuple(y), mark="line", tone=tone, opacity=opacity)


def _identifier(name: str) -> str:
    """A parameter's name as part of an identifier; different names stay different."""
    return "".join(one if one.isascii() and one.isalnum() else f"-{ord(one):x}-" for one in name)
