"""Charts of what parameters have to do with the score, made from a report's values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

from reports.charts.spec import Axis, Chart, Series, Tone
from reports.charts.trials import CURVES_MOST, drawn_of, joined, note_on, score_axis
from reports.stored.run import Run, Trial
from reports.wording import count, label, metric_name, value

_points_most = 600
"""Trials drawn against each parameter; of more, every n-th in the order of their score."""


def parameter_chart(run: Run, name: str) -> Chart:
    """One parameter against the score of finished trials."""
    winner, step = run.winner, sampling_stride(len(run.ranked))
    trials = [
        trial
        for place, trial in enumerate(run.ranked)
        if name in trial.params and (place % step == 0 or trial is winner)
    ]
    values = [trial.params[name] for trial in trials]
    ticks, places = _places(run, name, values)
    is_log = ticks is None and _is_log(run, name, values)
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
        x=Axis(title="", ticks=_log_ticks(places) if is_log else ticks, is_log=is_log),
        y=score_axis(run, title=""),
        series=drawn_of(series),
        size="small",
    )


def sampling_stride(finished: int) -> int:
    """Return n where every n-th of the finished trials is drawn against each parameter; the best always is."""
    return max(1, math.ceil(finished / _points_most))


def parallel_chart(run: Run, wanted: tuple[str, ...]) -> Chart | None:
    """Each finished trial as a line over the wanted parameters that all have, the best in colour."""
    trials = run.ranked[:CURVES_MOST]
    names = [name for name in wanted if name in run.varied_in_ranked and all(name in trial.params for trial in trials)]
    if len(trials) < 2 or len(names) < 2:
        return None
    across = tuple(map(float, range(len(names))))
    lines = [(across, up) for up in zip(*(_stretched(run, name, trials) for name in names), strict=True)]
    best = max(1, len(trials) // 10)
    series = [
        joined("finished trials", lines[best:], tone="quiet", opacity=0.5),
        joined(f"best {best}" if best > 1 else "best", lines[:best], tone="contrast", opacity=0.9),
    ]
    ticks = tuple((float(place), f"{label(name)}\n{_range(trials, name)}") for place, name in enumerate(names))
    return Chart(
        name="parallel",
        title="The best trials, parameter by parameter",
        alternative=f"{count(len(trials), 'finished trial')} over {', '.join(map(label, names))}.",
        x=Axis(title="", ticks=ticks, limits=(-0.45, len(names) - 0.55)),
        y=Axis(title="", ticks=()),
        series=drawn_of(series),
    )


def _places(run: Run, name: str, values: list[Any]) -> tuple[tuple[tuple[float, str], ...] | None, list[float]]:
    """Return ticks and places on an axis; no ticks where the values belong on a scale."""
    numeric = all(isinstance(one, int | float) and not isinstance(one, bool) for one in values)
    distinct = sorted(set(values)) if numeric else sorted(set(values), key=str)
    drawn = _distribution(run, name)
    is_continuous = isinstance(drawn, FloatDistribution) and drawn.step is None
    if numeric and (is_continuous or len(distinct) > 8):
        return None, [float(one) for one in values]
    order = {repr(one): float(place) for place, one in enumerate(distinct)}
    return tuple((order[repr(one)], value(one)) for one in distinct), [order[repr(one)] for one in values]


def _is_log(run: Run, name: str, values: list[Any]) -> bool:
    drawn = _distribution(run, name)
    if isinstance(drawn, FloatDistribution | IntDistribution):
        return bool(drawn.log)
    return bool(min(values) > 0 and max(values) > 100 * min(values))


def _distribution(run: Run, name: str) -> BaseDistribution | None:
    """What the parameter was drawn from, as far as the study tells."""
    stored = run.study.get_trials(deepcopy=False) if run.study else []
    return next((trial.distributions[name] for trial in stored if name in trial.distributions), None)


def _log_ticks(places: list[float]) -> tuple[tuple[float, str], ...]:
    """Ticks at 1, 2, 5 of each power of ten over a short range, at 1 and 3 or 1 alone over longer ones."""
    low, high = min(places), max(places)
    decades = math.log10(high / low)
    digits = (1, 2, 5) if decades < 1.3 else (1, 3) if decades < 2.6 else (1,)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    rounded = [float(f"{digit}e{power}") for power in powers for digit in digits]
    inside = [place for place in rounded if 0.8 * low <= place <= 1.25 * high]
    return tuple((place, value(place)) for place in (inside if len(inside) > 1 else [low, high]))


def _places_series(
    name: str, places: list[float], trials: Sequence[Trial], run: Run, *, tone: Tone, opacity: float = 1.0
) -> Series:
    return Series(
        label=name,
        x=tuple(places),
        y=tuple(trial.score for trial in trials),
        mark="points",
        tone=tone,
        notes=tuple(note_on(trial, run) for trial in trials),
        opacity=opacity,
        is_named=False,
    )


def _stretched(run: Run, name: str, trials: Sequence[Trial]) -> list[float]:
    """Places of one parameter's values between 0 (its least) and 1 (its most)."""
    values = [trial.params[name] for trial in trials]
    ticks, places = _places(run, name, values)
    scaled = np.log(places) if ticks is None and _is_log(run, name, values) else np.array(places)
    spread = float(np.ptp(scaled))
    stretched: list[float] = (
        ((scaled - scaled.min()) / spread if spread else np.full(len(scaled), 0.5)).round(4).tolist()
    )
    return stretched


def _range(trials: Sequence[Trial], name: str) -> str:
    values = [trial.params[name] for trial in trials]
    numeric = all(isinstance(one, int | float) for one in values)
    low, *_, high = sorted(values) if numeric else sorted(values, key=str)
    return f"{value(low)} to {value(high)}"


def _identifier(name: str) -> str:
    """A parameter's name as part of an identifier; different names stay different."""
    return "".join(one if one.isascii() and one.isalnum() else f"-{ord(one):x}-" for one in name)
