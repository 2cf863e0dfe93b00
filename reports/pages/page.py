"""The report as one HTML page that needs no network."""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
from pathlib import Path

from markupsafe import Markup
from plotly.offline import get_plotlyjs

from objectives.files.atomic import write_whole
from reports.charts.parameters import thinned_by
from reports.charts.plotly import config_json, figure_json
from reports.charts.spec import DARK, LIGHT
from reports.charts.trials import blank_curve_chart
from reports.findings.findings import Findings, find
from reports.findings.procedure import account
from reports.findings.trade_off import trade_off_sentence
from reports.findings.trials_table import failures_by_cause, write_trials_csv
from reports.pages.parts import MATRIX_MOST, detailed, figures_of, in_script, others_json, recalls_json, side_by_side_of
from reports.pages.templates import asset, environment
from reports.stored import layout
from reports.stored.read import read_run
from reports.stored.run import Run

_lite_rows = 200
"""Trials listed in a small report."""


def write_report(folder: Path, *, is_lite: bool = False) -> Path:
    """Write the page and `trials.csv` from what a run folder holds; see `publish`.

    Args:
        folder: `runs/<study>`.
        is_lite: see `render`.

    Raises:
        UsageError: the folder is no run.
        OSError: it can't be written; an older report stays as it was.
    """
    return publish(find(read_run(folder)), is_lite=is_lite)


def publish(findings: Findings, *, is_lite: bool = False) -> Path:
    """Write `report.html`, or `report-lite.html`, and `trials.csv` into the run's folder, each whole or not at all.

    Raises:
        OSError: it can't be written; an older report stays as it was.
    """
    path = findings.run.folder / (layout.LITE_REPORT if is_lite else layout.REPORT)
    write_whole(path, _page(findings, is_lite=is_lite))
    write_trials_csv(findings.run, findings.run.folder / layout.TRIALS_TABLE)
    return path


def render(run: Run, *, is_lite: bool = False) -> str:
    """Return the page: at most 6 MB with interactive charts; lite, at most 1 MB and no script."""
    return _page(find(run), is_lite=is_lite)


def _page(findings: Findings, *, is_lite: bool) -> str:
    run = findings.run
    script = asset("report.js")
    template = environment().get_template("report.html")
    return template.render(
        f=findings,
        run=run,
        record=run.record,
        answer=findings.answer,
        winner=run.winner,
        groups=account(run),
        failures=failures_by_cause(run),
        figures=figures_of(findings, is_lite=is_lite),
        shown_rows=findings.rows[:_lite_rows] if is_lite else findings.rows,
        detailed=detailed(findings),
        thinned_by=thinned_by(len(run.ranked)),
        side_by_side=side_by_side_of(findings),
        cost_told=trade_off_sentence(findings.trade_off, run) if findings.trade_off else "",
        recalls_data=in_script(recalls_json(findings)),
        has_matrix=len(run.classes) <= MATRIX_MOST,
        train_script=_train_script(run),
        is_lite=is_lite,
        style=Markup(asset("report.css")),
        script=Markup(script),
        script_hashes=" ".join(_hash(text) for text in (script, get_plotlyjs())),
        plotly=_packed_plotly(),
        others="" if is_lite else _packed(others_json(findings)),
        other_curve=in_script(figure_json(blank_curve_chart(run))),
        settings=in_script(config_json()),
        palette=in_script(_palette_json()),
    )


def _train_script(run: Run) -> str | None:
    try:
        return (run.folder / layout.BEST / layout.SCRIPT).read_text()
    except (OSError, UnicodeDecodeError):
        return None


def _palette_json() -> str:
    pairs = ",".join(f'"{LIGHT[tone]}":"{DARK[tone]}"' for tone in LIGHT)
    return f"{{{pairs}}}"


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


@functools.cache
def _packed_plotly() -> str:
    return _packed(get_plotlyjs())


def _packed(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()
