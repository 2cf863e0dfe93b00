"""The report as one HTML page that needs no network."""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import jinja2
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from objectives.files import write_whole
from reports import charts, wording
from reports.chart import DARK, LIGHT, Chart, HeatMap
from reports.findings import Findings, find
from reports.interactive import HEIGHTS, MAP_HEIGHT, config_json, figure_json
from reports.mistakes import Look
from reports.pictures import png, tiled
from reports.procedure import account
from reports.reading import read_run
from reports.run import Run, Trial
from reports.still import picture
from reports.trials_table import failures_by_cause, write_trials_csv

DETAILED = 8
"""Trials that are laid out one by one."""
_matrix_most = 20
"""Classes up to which the confusion matrix is a table of numbers."""
_lite_rows = 200
"""Trials listed in a small report."""


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


def write_report(folder: Path, *, is_lite: bool = False) -> Path:
    """Write `report.html` and `trials.csv` from what a run folder holds, whole or not at all.

    Raises:
        UsageError: the folder is no run.
        OSError: it can't be written; an older report stays as it was.
    """
    run = read_run(folder)
    path = folder / "report.html"
    write_whole(path, render(run, is_lite=is_lite))
    write_trials_csv(run, folder / "trials.csv")
    return path


def render(run: Run, *, is_lite: bool = False) -> str:
    """Return the page: at most 6 MB with interactive charts; lite, at most 1 MB and no script."""
    findings = find(run)
    script = _asset("report.js")
    template = _environment().get_template("report.html")
    return template.render(
        f=findings,
        run=run,
        record=run.record,
        answer=findings.answer,
        groups=account(run),
        failures=failures_by_cause(run),
        figures=_figures(findings, is_lite=is_lite),
        shown_rows=findings.rows[:_lite_rows] if is_lite else findings.rows,
        detailed=_detailed(findings),
        thinned_by=charts.thinned_by(len(run.ranked)),
        has_matrix=len(run.classes) <= _matrix_most,
        train_script=_train_script(run),
        is_lite=is_lite,
        style=Markup(_asset("report.css")),
        script=Markup(script),
        script_hashes=" ".join(_hash(text) for text in (script, get_plotlyjs())),
        plotly=_packed_plotly(),
        settings=_in_script(config_json()),
        palette=_in_script(_palette_json()),
    )


def _figures(findings: Findings, *, is_lite: bool) -> Figures:
    run, winner, found = findings.run, findings.answer.winner, findings.classification

    def drawn(chart: Chart | HeatMap | None) -> Figure | None:
        return _figure(chart, is_lite=is_lite) if chart is not None else None

    def all_drawn(of: tuple[Chart, ...]) -> tuple[Figure, ...]:
        return tuple(_figure(chart, is_lite=is_lite) for chart in of)

    names = findings.columns if is_lite else tuple(findings.importances.shares) or findings.columns
    scored = any(trial.score is not None for trial in run.trials)
    history = winner.history if winner else None
    return Figures(
        history=drawn(charts.history_chart(run)) if scored else None,
        all_curves=drawn(charts.all_curves_chart(run)) if any(trial.history for trial in run.trials) else None,
        winner_curves=all_drawn(charts.curve_charts(history, name="winner")) if history is not None else (),
        reliability=drawn(charts.reliability_chart(found.calibration)) if found else None,
        confusion=drawn(charts.confusion_map(found.counts, run.classes))
        if found and len(run.classes) > _matrix_most
        else None,
        parameters=all_drawn(tuple(charts.parameter_chart(run, name) for name in names)) if len(run.ranked) > 1 else (),
        parallel=drawn(charts.parallel_chart(run, findings.columns)),
        trial_curves={
            trial.number: all_drawn(charts.curve_charts(trial.history, name=f"trial-{trial.number}")[:1])
            for trial in _detailed(findings)
            if trial.history is not None
        },
    )


def _detailed(findings: Findings) -> tuple[Trial, ...]:
    return tuple(row.trial for row in findings.rows if row.trial.score is not None)[:DETAILED]


def _figure(chart: Chart | HeatMap, *, is_lite: bool) -> Figure:
    return Figure(
        name=chart.name,
        title=chart.title,
        alternative=chart.alternative,
        size=chart.size,
        height=MAP_HEIGHT if isinstance(chart, HeatMap) else HEIGHTS[chart.size],
        still=picture(chart),
        data=None if is_lite else _in_script(figure_json(chart)),
    )


def _train_script(run: Run) -> str | None:
    try:
        return (run.folder / "best" / "train.py").read_text()
    except (OSError, UnicodeDecodeError):
        return None


def _palette_json() -> str:
    pairs = ",".join(f'"{LIGHT[tone]}":"{DARK[tone]}"' for tone in LIGHT)
    return f"{{{pairs}}}"


def _in_script(text: str) -> Markup:
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


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


@functools.cache
def _packed_plotly() -> str:
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), 9, mtime=0)).decode()


def _asset(name: str) -> str:
    return (resources.files("reports") / "templates" / name).read_text()


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": wording.percent,
        "duration": wording.duration,
        "value": wording.value,
        "label": wording.label,
        "count": wording.count,
        "p_value": wording.p_value,
        "png": png,
        "tiled": tiled,
    }
    environment.globals |= {
        "score": wording.score,
        "metric_name": wording.metric_name,
        "recipe_rows": recipe_rows,
        "bars": probability_bars,
    }
    return environment


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
