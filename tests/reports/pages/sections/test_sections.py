"""The contract of a section, over a run at each point of its life."""

from __future__ import annotations

import dataclasses
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from reports.findings.findings import Findings, find
from reports.pages.page import SECTIONS, rendered_section
from reports.pages.section import Section
from reports.stored.read import read_run
from reports.stored.run import Run
from tests.reports.findings.test_confirmed import confirmed
from tests.reports.run_folders import write_run

POINTS = ("empty", "running", "pruned only", "whole")


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory, digits_run: Run) -> dict[str, Findings]:
    """What four searches found, by how far each got."""
    runs = tmp_path_factory.mktemp("runs")
    empty = write_run(runs / "empty", trials=0)
    running = write_run(runs / "running", trials=1, distinct=1, running=1, is_measured=False)
    return {
        "empty": find(read_run(empty)),
        "running": find(read_run(running)),
        "pruned only": find(_pruned_only(digits_run, runs)),
        "whole": find(confirmed(digits_run)),
    }


def _pruned_only(whole: Run, runs: Path) -> Run:
    pruned = tuple(trial for trial in whole.trials if trial.state == "PRUNED")
    return dataclasses.replace(
        whole, folder=runs, trials=pruned, study=None, measurement=None, test=None, validation={}, inside=None
    )


def name_of(section: Section[Any]) -> str:
    return section.name


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("section", SECTIONS, ids=name_of)
def test_a_section_shows_its_value_or_says_that_there_is_none(
    findings: dict[str, Findings], section: Section[Any], point: str
) -> None:
    found = findings[point]
    value = section.find(found)
    text = rendered_section(section, found, is_lite=True)

    if value is None:
        assert section.absent in text
        assert "<img" not in text
    else:
        drawings = [one for place in section.figures(value, found, is_lite=True).values() for one in place]
        assert [one.name for one in drawings if one.title not in text] == []
        assert "<" in text


@pytest.mark.parametrize("section", SECTIONS, ids=name_of)
def test_each_section_has_something_to_show_of_a_whole_run(
    findings: dict[str, Findings], section: Section[Any]
) -> None:
    assert section.find(findings["whole"]) is not None


def test_no_two_charts_share_a_name(findings: dict[str, Findings]) -> None:
    found = findings["whole"]
    names = [
        one.name
        for section in SECTIONS
        for place in section.figures(section.find(found), found, is_lite=False).values()
        for one in place
    ]
    assert len(names) == len(set(names))


def test_each_section_stands_by_itself_or_within_one_that_does() -> None:
    headed = {section.name for section in SECTIONS if section.within is None}
    assert {section.name for section in SECTIONS if section.within is None and not section.title} == set()
    assert {section.within for section in SECTIONS if section.within is not None} <= headed


def test_each_template_and_each_module_belongs_to_a_section() -> None:
    files = [Path(file.name) for file in resources.files("reports.pages.sections").iterdir()]
    names = {section.name for section in SECTIONS}
    assert {file.stem for file in files if file.suffix == ".html"} == names
    assert {file.stem for file in files if file.suffix == ".py"} - {"__init__"} == names
