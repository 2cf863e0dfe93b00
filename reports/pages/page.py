"""The report as one HTML page that needs no network."""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
from pathlib import Path
from typing import Any

from markupsafe import Markup
from plotly.offline import get_plotlyjs

from objectives.files.atomic import write_whole
from reports.charts.plotly import config_json, figure_json
from reports.charts.spec import DARK, LIGHT
from reports.charts.trials import blank_curve_chart
from reports.findings.findings import Findings, find
from reports.findings.trials_table import write_trials_csv
from reports.pages.parts import figure_of, in_script
from reports.pages.section import Section
from reports.pages.sections.answer import AnswerSection
from reports.pages.sections.classes import ClassesSection
from reports.pages.sections.confirmed import ConfirmedSection
from reports.pages.sections.done import DoneSection
from reports.pages.sections.grid import GridSection
from reports.pages.sections.inside import InsideSection
from reports.pages.sections.learning import LearningSection
from reports.pages.sections.mattered import MatteredSection
from reports.pages.sections.mistakes import MistakesSection
from reports.pages.sections.side_by_side import SideBySideSection, recalls_json
from reports.pages.sections.trade_off import TradeOffSection
from reports.pages.sections.trials import TrialsSection, others_json
from reports.pages.templates import asset, environment
from reports.stored import layout
from reports.stored.read import read_run
from reports.stored.run import Run

SECTIONS: tuple[Section[Any], ...] = (
    AnswerSection(),
    ConfirmedSection(),
    TrialsSection(),
    SideBySideSection(),
    ClassesSection(),
    MistakesSection(),
    LearningSection(),
    GridSection(),
    MatteredSection(),
    TradeOffSection(),
    InsideSection(),
    DoneSection(),
)
"""In the order of the page; a part of another section is shown where that one's template has `parts`."""


def write_report(folder: Path, *, is_lite: bool = False) -> Path:
    """Write the page and `trials.csv` from what a run folder holds; see `publish`.

    Args:
        folder: `runs/<study>`.
        is_lite: see `render`.

    Raises:
        UsageError: the folder is not a run folder.
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
    run, script = findings.run, asset("report.js")
    rendered = [_rendered(section, findings, is_lite=is_lite) for section in SECTIONS if section.within is None]
    return (
        environment()
        .get_template("report.html")
        .render(
            **_names(findings, is_lite=is_lite),
            headed=[section for section in SECTIONS if section.within is None],
            sections=Markup("\n").join(rendered),
            recalls_data=in_script(recalls_json(findings)),
            style=Markup(asset("report.css")),
            script=Markup(script),
            script_hashes=" ".join(_hash(text) for text in (script, get_plotlyjs())),
            plotly=_packed_plotly(),
            others="" if is_lite else _packed(others_json(findings)),
            other_curve=in_script(figure_json(blank_curve_chart(run))),
            settings=in_script(config_json()),
            palette=in_script(_palette_json()),
        )
    )


def rendered_section(section: Section[Any], findings: Findings, *, is_lite: bool) -> Markup:
    """Return a section without its heading, and the parts within it; empty where it has nothing to show or say."""
    value = section.find(findings)
    if value is None:
        return Markup('<p class="muted">{}</p>').format(section.absent) if section.absent else Markup("")
    drawings = section.figures(value, findings, is_lite=is_lite)
    parts = (rendered_section(part, findings, is_lite=is_lite) for part in SECTIONS if part.within == section.name)
    text = (
        environment()
        .get_template(f"{section.name}.html")
        .render(
            **_names(findings, is_lite=is_lite),
            section=section,
            value=value,
            figures={place: [figure_of(one, is_lite=is_lite) for one in found] for place, found in drawings.items()},
            parts=Markup("\n").join(parts),
        )
    )
    return Markup(text)  # the template has escaped it


def _rendered(section: Section[Any], findings: Findings, *, is_lite: bool) -> Markup:
    body = rendered_section(section, findings, is_lite=is_lite)
    return Markup('<section id="{}">\n<h2>{}</h2>\n{}\n</section>').format(section.name, section.title, body)


def _names(findings: Findings, *, is_lite: bool) -> dict[str, Any]:
    """Return what every template of the page knows."""
    run = findings.run
    return {
        "findings": findings,
        "answer": findings.answer,
        "run": run,
        "record": run.record,
        "winner": run.winner,
        "is_lite": is_lite,
    }


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
