"""What the page shows besides text: charts, two trials side by side, recipes and probabilities, for its template."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from reports import wording
from reports.charts import classes as class_charts
from reports.charts import parameters as parameter_charts
from reports.charts import trials as trial_charts
from reports.charts.grid import grid_charts
from reports.charts.plotly import figure_json, height_of
from reports.charts.spec import Drawing
from reports.charts.svg import picture
from reports.charts.trade_off import (
    trade_off_chart,
)
from reports.classifier.mistakes import Look
from reports.classifier.side_by_side import ClassMove, Recalls, class_moves, default_pair, moves_sentence
from reports.findings.findings import Findings
from reports.stored.run import Trial

DETAILED = 8
"""Trials that are laid out one by one."""
MATRIX_MOST = 20
"""Classes up to which the confusion matrix is a table of numbers."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One chart, ready for the page."""

    name: str
    title: str
    alternative: str
    size: str
    height: int
    """In CSS pixels."""
    still: str
    """Data address of its picture."""
    data: Markup | None
    """Plotly's JSON, safe inside a script element; None: the picture is all there is."""


@dataclass(frozen=True, kw_only=True)
class SideBySide:
    """Two trials class by class, and the best trials likewise."""

    first: int
    second: int
    moves: tuple[ClassMove, ...]
    sentence: str
    best: tuple[int, ...]
    """Trials that are laid out one by one."""
    recalls: Recalls


@dataclass(frozen=True, kw_only=True)
class Figures:
    """All charts of a report, by their place in it."""

    history: Figure | None
    all_curves: Figure | None
    winner_curves: tuple[Figure, ...]
    reliability: Figure | None
    confusion: Figure | None
    parameters: tuple[Figure, ...]
    parallel: Figure | None
    trial_curves: dict[int, tuple[Figure, ...]]
    grid: tuple[Figure, ...]
    trade_off: Figure | None


def figures_of(findings: Findings, *, is_lite: bool) -> Figures:
    """Draw everything that a report draws."""
    run, winner, found = findings.run, findings.run.winner, findings.classification

    def drawn(chart: Drawing | None) -> Figure | None:
        return figure_of(chart, is_lite=is_lite) if chart is not None else None

    def all_drawn(of: tuple[Drawing, ...]) -> tuple[Figure, ...]:
        return tuple(figure_of(chart, is_lite=is_lite) for chart in of)

    telling = tuple(name for name in findings.columns if name in run.told_apart)
    names = telling if is_lite else tuple(findings.importances.shares) or telling
    scored = any(trial.score is not None for trial in run.trials)
    history = winner.history if winner else None
    return Figures(
        history=drawn(trial_charts.history_chart(run)) if scored else None,
        all_curves=drawn(trial_charts.all_curves_chart(run)) if any(trial.history for trial in run.trials) else None,
        winner_curves=all_drawn(trial_charts.curve_charts(history, name="winner")) if history is not None else (),
        reliability=drawn(class_charts.reliability_chart(found.calibration)) if found else None,
        confusion=drawn(class_charts.confusion_map(found.counts, run.classes))
        if found and len(run.classes) > MATRIX_MOST
        else None,
        parameters=all_drawn(tuple(parameter_charts.parameter_chart(run, name) for name in names))
        if len(run.ranked) > 1
        else (),
        parallel=drawn(parameter_charts.parallel_chart(run, findings.columns)),
        trial_curves={
            trial.number: all_drawn(trial_charts.curve_charts(trial.history, name=f"trial-{trial.number}")[:1])
            for trial in detailed(findings)
            if trial.history is not None
        },
        grid=all_drawn(grid_charts(findings.grid, run)) if findings.grid else (),
        trade_off=drawn(trade_off_chart(findings.trade_off, run)) if findings.trade_off else None,
    )


def detailed(findings: Findings) -> tuple[Trial, ...]:
    """Return the trials that are laid out one by one."""
    return tuple(row.trial for row in findings.rows if row.trial.score is not None)[:DETAILED]


def others_json(findings: Findings) -> str:
    """Return what the page's script needs to open a trial that is not laid out: its recipe and its scores by epoch."""
    laid_out = {trial.number for trial in detailed(findings)}
    others = {
        trial.number: {
            "recipe": recipe_rows(trial),
            "epochs": trial.history.epochs.tolist() if trial.history else [],
            "scores": trial_charts.finite(trial.history.scores) if trial.history else [],
        }
        for trial in findings.run.trials
        if trial.number not in laid_out and (trial.recipe or trial.history)
    }
    return json.dumps(others, separators=(",", ":"))


def figure_of(chart: Drawing, *, is_lite: bool) -> Figure:
    """Draw one chart; lite, as a picture alone."""
    return Figure(
        name=chart.name,
        title=chart.title,
        alternative=chart.alternative,
        size=chart.size,
        height=height_of(chart),
        still=picture(chart),
        data=None if is_lite else in_script(figure_json(chart)),
    )


def side_by_side_of(findings: Findings) -> SideBySide | None:
    """Return the pair of trials that the page opens with; None where no two trials have predictions."""
    recalls, run = findings.recalls, findings.run
    pair = default_pair(run, recalls) if recalls else None
    if recalls is None or pair is None:
        return None
    first, second = pair
    moves = class_moves(recalls, run.classes, first=first, second=second)
    best = tuple(trial.number for trial in detailed(findings) if trial.number in recalls.hits)
    return SideBySide(
        first=first,
        second=second,
        moves=moves,
        sentence=moves_sentence(moves, first=first, second=second),
        best=best,
        recalls=recalls,
    )


def recalls_json(findings: Findings) -> str:
    """Return what the page's script needs to put any two of the best trials side by side."""
    recalls, run = findings.recalls, findings.run
    if recalls is None:
        return "null"
    of = {trial.number: trial for trial in run.trials}
    trials = [
        {
            "number": number,
            "score": wording.score(of[number].score, run.record.metric),
            "name": of[number].baseline or of[number].start or "",
            "hits": hits,
        }
        for number, hits in recalls.hits.items()
    ]
    return json.dumps({"classes": run.classes, "support": recalls.support, "trials": trials}, separators=(",", ":"))


def in_script(text: str) -> Markup:
    """JSON that can stand inside a script element: nothing in it can end the element."""
    for came, becomes in (
        ("<", "\\u003c"),
        (">", "\\u003e"),
        ("&", "\\u0026"),
        ("\u2028", "\\u2028"),
        ("\u2029", "\\u2029"),
    ):
        text = text.replace(came, becomes)
    return Markup(text)


def recipe_rows(trial: Trial) -> list[tuple[str, str]]:
    """Return a recipe as (path, value) lines: "network stages 1 filters", "32"."""
    return [(wording.label(path), wording.value(came)) for path, came in _leaves(trial.recipe, "")]


def _leaves(plain: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(plain, dict):
        for key, item in plain.items():
            yield from _leaves(item, f"{path} {key}".strip())
    elif isinstance(plain, list):
        for place, item in enumerate(plain, start=1):
            yield from _leaves(item, f"{path} {place}")
    elif plain is not None:
        yield path, plain


def probability_bars(look: Look, classes: tuple[str, ...]) -> list[tuple[str, float, bool]]:
    """Return (class, probability, is true class): all of ten classes, of more the likeliest and the true."""
    order = list(range(len(classes)))
    if len(classes) > 10:
        likely = look.probabilities.argsort()[::-1][:5].tolist()
        order = [*likely, *([] if look.true in likely else [look.true])]
    return [(classes[c], float(look.probabilities[c]), c == look.true) for c in order]
