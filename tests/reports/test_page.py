"""The page as text: numbers, size, escaping, and no address to the outside."""

from __future__ import annotations

import base64
import hashlib
import html
import html.parser
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sklearn.metrics import classification_report

from objectives import predictions as stored_predictions
from reports.page import render, write_report
from reports.reading import read_run
from reports.run import Run
from tests.reports.run_folders import write_run

HOSTILE = ("<img src=x onerror=alert(1)>", '"><script>alert(1)</script>.jpg', "{{7*7}}", "</script><b>", "$\\frac{$")


class Page(html.parser.HTMLParser):
    """Tables as rows of cells, and every address that an element names."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self._table = ""
        self._in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        named = dict(attrs)
        self.addresses += [
            value for name in ("src", "href", "srcset", "action", "poster") if (value := named.get(name))
        ]
        if tag == "table":
            self._table = named.get("id") or ""
            self.tables[self._table] = []
        if tag == "tr":
            self.tables[self._table].append([])
        if tag in ("td", "th"):
            self.tables[self._table][-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.tables[self._table][-1][-1] += data


def policy_of(page: str) -> str:
    found = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert found
    return html.unescape(found[1])


@pytest.fixture(scope="session")
def page(digits_run: Run) -> str:
    return render(digits_run)


@pytest.fixture(scope="session")
def lite(digits_run: Run) -> str:
    return render(digits_run, is_lite=True)


def test_per_class_numbers_in_the_page_equal_scikit_learns(page: str, digits_folder: Path, digits_run: Run) -> None:
    stored = stored_predictions.load(digits_folder / "best/predictions.npz")
    theirs = classification_report(
        stored.labels, stored.probabilities.argmax(axis=1), target_names=digits_run.classes, output_dict=True
    )
    expected = {
        name: [f"{theirs[name][key]:.3f}" for key in ("precision", "recall", "f1-score")]
        + [f"{theirs[name]['support']:.0f}"]
        for name in digits_run.classes
    }
    rows = Page(page).tables["class-table"]
    assert {row[0]: [*row[1:4], row[5]] for row in rows if row[0] in digits_run.classes} == expected


def test_no_element_names_an_address_outside_the_page(page: str) -> None:
    assert [one for one in Page(page).addresses if not one.startswith(("data:", "#"))] == []


def test_no_chart_can_be_sent_to_a_cloud(page: str) -> None:
    found = re.search(r'id="settings">(.*?)</script>', page)
    assert found
    settings = json.loads(found[1])
    assert (settings["showSendToCloud"], settings["plotlyServerURL"]) == (False, "")


def test_every_script_that_runs_is_named_by_the_policy(page: str) -> None:
    (script,) = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy_of(page)


def test_the_policy_forbids_everything_else(page: str) -> None:
    policy = policy_of(page)
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-")
    assert "unsafe-eval" not in policy


def test_the_page_is_at_most_6_mb(page: str) -> None:
    assert len(page.encode()) <= 6_000_000


def test_a_lite_page_is_at_most_1_mb(lite: str) -> None:
    assert len(lite.encode()) <= 1_000_000


def test_a_lite_page_has_no_script(lite: str) -> None:
    assert "script" not in Page(lite).tags


def test_all_parts_are_there_in_their_order(page: str) -> None:
    parts = re.findall(r'<section id="(\w+)">', page)
    assert parts == ["answer", "trials", "classes", "mistakes", "learning", "mattered", "inside", "done"]


def test_hostile_names_add_no_element(tmp_path: Path) -> None:
    names = HOSTILE + tuple("56789")
    plain, hostile = write_run(tmp_path / "plain", trials=2, distinct=2), tmp_path / "hostile"
    write_run(hostile, trials=2, distinct=2, classes=names, study_name="{{7*7}}<b>")
    tags = [Page(render(read_run(folder))).tags for folder in (plain, hostile)]
    assert tags[0] == tags[1]


def test_hostile_names_are_shown_as_they_are(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "run", trials=1, distinct=1, classes=HOSTILE + tuple("56789")))
    names = {row[0] for row in Page(render(run)).tables["class-table"]}
    assert set(HOSTILE) <= names


@pytest.mark.parametrize(("trials", "running"), [(0, 0), (0, 2), (1, 0), (3, 1)])
def test_a_study_at_any_point_renders(tmp_path: Path, trials: int, running: int) -> None:
    run = read_run(write_run(tmp_path / "run", trials=trials, running=running, distinct=2, is_measured=running == 0))
    assert f"<dd>{trials + running}</dd>" in render(run)


def test_only_a_search_is_said_to_pick_its_trials(digits_run: Run) -> None:
    two = [
        replace(trial, params={"norm": bool(trial.number % 2), "flip": bool(trial.number // 2 % 2)})
        for trial in digits_run.trials
    ]
    shown = [
        "other parameters differ between" in render(run) for run in (digits_run, replace(digits_run, trials=tuple(two)))
    ]

    assert shown == [True, False]


def test_a_hundred_classes_render(tmp_path: Path) -> None:
    names = tuple(f"class {number}" for number in range(100))
    run = read_run(write_run(tmp_path / "run", trials=3, distinct=3, classes=names))
    assert len(Page(render(run)).tables["class-table"]) == 1 + 100 + 2


def test_the_report_is_written_beside_the_run_with_its_trials(copied: Path) -> None:
    assert write_report(copied) == copied / "report.html"
    assert (copied / "trials.csv").read_text().startswith("trial,state,score")


def test_an_older_report_outlives_a_run_that_can_not_be_read(copied: Path) -> None:
    (copied / "report.html").write_text("older")
    (copied / "settings.json").unlink()
    with pytest.raises(Exception, match="is no run folder"):
        write_report(copied)
    assert (copied / "report.html").read_text() == "older"


def test_rendering_twice_gives_the_same_page(digits_run: Run, page: str) -> None:
    assert render(digits_run) == page


def test_reports_import_neither_keras_nor_tensorflow_nor_ray() -> None:
    program = "import reports.page, sys; print(sorted({'keras', 'tensorflow', 'ray'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
