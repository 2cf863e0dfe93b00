"""The page as text: numbers, size, escaping, and no address to the outside."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import html
import html.parser
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import classification_report, top_k_accuracy_score

from objectives.files import predictions as stored_predictions
from objectives.messages import Predictions
from reports.classifier.classification import classify
from reports.classifier.on_test import against_answer, on_test
from reports.pages.page import render, write_report
from reports.stored.for_the_record import ForTheRecord, RecordRow
from reports.stored.read import read_run
from reports.stored.run import History, Run
from tests.reports.run_folders import set_texts, write_run

MISSING = "its model was not kept"
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
            self.tables[self._table][-1][-1] += data.replace("\N{NO-BREAK SPACE}", " ")


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


def shown_per_class(page: str) -> dict[str, list[str]]:
    """Return precision, recall, F1 and support of each row of the page's table, as they are printed."""
    return {row[0]: [*row[1:4], row[5]] for row in Page(page).tables["class-table"][1:]}


def printed(theirs: dict[str, float]) -> list[str]:
    """Return a row of scikit-learn's report as the page prints it."""
    return [f"{theirs[key]:.3f}" for key in ("precision", "recall", "f1-score")] + [f"{theirs['support']:.0f}"]


def sklearn_report(folder: Path, classes: tuple[str, ...]) -> dict[str, list[str]]:
    """Return scikit-learn's report on the winner's stored predictions, with the page's names for the two means."""
    stored = stored_predictions.load(folder / "best/predictions.npz")

    def report(of: list[int]) -> dict[str, Any]:
        names, predicted = [classes[one] for one in of], stored.probabilities.argmax(axis=1)
        found: dict[str, Any] = classification_report(
            stored.labels, predicted, labels=of, target_names=names, output_dict=True, zero_division=0
        )
        return found

    theirs = report([*range(len(classes))])
    theirs["macro avg"] = report(np.unique(stored.labels).tolist())["macro avg"]
    means = {"mean over classes": "macro avg", "mean over images": "weighted avg"}
    names = {name: name for name in classes} | means
    return {ours: printed(theirs[name]) for ours, name in names.items()}


def test_per_class_numbers_in_the_page_equal_scikit_learns(page: str, digits_folder: Path, digits_run: Run) -> None:
    assert shown_per_class(page) == sklearn_report(digits_folder, digits_run.classes)


def test_the_worst_class_comes_first(page: str) -> None:
    f1 = [row[2] for row in [*shown_per_class(page).values()][:10]]
    assert f1 == sorted(f1)


def test_the_page_tells_the_calibration_error_and_top_3_accuracy(page: str, digits_folder: Path) -> None:
    stored = stored_predictions.load(digits_folder / "best/predictions.npz")
    sure, right = stored.probabilities.max(axis=1), stored.probabilities.argmax(axis=1) == stored.labels
    bins = np.digitize(sure, np.linspace(0.1, 0.9, 9), right=True)
    parts = [np.abs(sure[bins == at].sum(dtype=float) - right[bins == at].sum()) for at in range(10)]
    assert f"Expected calibration error {100 * sum(parts) / len(sure):.1f}\N{NO-BREAK SPACE}%" in page
    top3 = top_k_accuracy_score(stored.labels, stored.probabilities, k=3)
    assert f"The true class is among the three most probable for {100 * top3:.1f}\N{NO-BREAK SPACE}%." in page


def test_top_3_accuracy_is_left_out_where_there_are_five_classes_or_fewer(digits_run: Run) -> None:
    assert digits_run.test is not None
    five = digits_run.test.labels < 5
    test = Predictions(
        probabilities=digits_run.test.probabilities[five, :5],
        labels=digits_run.test.labels[five],
        images=digits_run.test.images[five],
    )
    tables = [
        classify(test, digits_run.classes[:5], images="test"),
        classify(digits_run.test, digits_run.classes, images="test"),
    ]
    assert [table.top3 is None for table in tables] == [True, False]


def test_the_page_says_what_is_taken_for_what_and_where_overfitting_starts(digits_run: Run) -> None:
    winner = digits_run.winner
    assert winner is not None
    losses = {"loss": [0.9, 0.5, 0.3, 0.1], "val_loss": [0.8, 0.6, 0.7, 0.9], "score": [0.5, 0.6, 0.6, 0.6]}
    history = History(
        epochs=np.arange(1, 5, dtype=np.int32), columns={name: np.array(values) for name, values in losses.items()}
    )
    labels = np.repeat(np.arange(10, dtype=np.int32), 100)
    predicted = labels.copy()
    predicted[:20] = 7  # of class 0
    predicted[100:118] = np.tile([0, 2, 3, 4, 5, 6, 7, 8, 9], 2)  # of class 1
    test = Predictions(
        probabilities=np.eye(10, dtype=np.float32)[predicted], labels=labels, images=np.arange(1000, dtype=np.int32)
    )
    trials = [dataclasses.replace(one, history=history) if one is winner else one for one in digits_run.trials]
    page = render(dataclasses.replace(digits_run, test=test, trials=tuple(trials)), is_lite=True)
    assert "<li>0 is mistaken for 7 in 20 of 100 images.</li>" in page
    assert "<li>1 is mistaken for no class in particular: 18 errors in 100 images.</li>" in page
    assert "Overfitting starts at epoch 3: training loss keeps falling (0.500 to 0.100), validation loss" in page


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


def test_what_was_allowed_is_read_before_the_headline(digits_run: Run) -> None:
    warned = dataclasses.replace(
        digits_run.record.data, warnings=("5 images of test are also in train",), notes=("2 images look alike",)
    )
    record = dataclasses.replace(digits_run.record, data=warned)
    page = render(dataclasses.replace(digits_run, record=record), is_lite=True)

    places = [page.index(text) for text in ("5 images of test are also in train", "<h1>", "2 images look alike")]
    assert places == sorted(places)


def test_hostile_names_add_no_element(tmp_path: Path) -> None:
    names = HOSTILE + tuple("56789")
    plain, hostile = write_run(tmp_path / "plain", trials=2, distinct=2), tmp_path / "hostile"
    write_run(hostile, trials=2, distinct=2, classes=names, study_name="{{7*7}}<b>")
    tags = [Page(render(read_run(folder))).tags for folder in (plain, hostile)]
    assert tags[0] == tags[1]


@pytest.mark.parametrize("kind", ["full", "lite"])
def test_hostile_texts_anywhere_in_the_records_add_no_element(digits_folder: Path, tmp_path: Path, kind: str) -> None:
    hostile = "".join(HOSTILE)
    pages = {}
    for text in ("harmless", hostile):
        folder = shutil.copytree(digits_folder, tmp_path / str(len(pages)))
        set_texts(folder, text)
        pages[text] = render(read_run(folder), is_lite=kind == "lite")
    assert Page(pages[hostile]).tags == Page(pages["harmless"]).tags
    assert pages[hostile].count(html.escape(hostile, quote=False)[:10]) >= 12


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
        dataclasses.replace(trial, params={"norm": bool(trial.number % 2), "flip": bool(trial.number // 2 % 2)})
        for trial in digits_run.trials
    ]
    shown = [
        "other parameters differ between" in render(run)
        for run in (digits_run, dataclasses.replace(digits_run, trials=tuple(two)))
    ]

    assert shown == [True, False]


def test_a_hundred_classes_have_scikit_learns_numbers_too(tmp_path: Path) -> None:
    names = tuple(f"class {number}" for number in range(100))
    folder = write_run(tmp_path / "run", trials=3, distinct=3, classes=names)
    page = render(read_run(folder))
    assert shown_per_class(page) == sklearn_report(folder, names)
    assert 'id="figure-confusion"' in page


def test_the_report_is_written_beside_the_run_with_its_trials(copied: Path) -> None:
    assert write_report(copied) == copied / "report.html"
    assert (copied / "trials.csv").read_text().startswith("trial,state,score")


def test_an_older_report_outlives_a_run_that_can_not_be_read(copied: Path) -> None:
    (copied / "report.html").write_text("older")
    (copied / "settings.json").unlink()
    with pytest.raises(Exception, match="is not a run folder"):
        write_report(copied)
    assert (copied / "report.html").read_text() == "older"


def test_rendering_twice_gives_the_same_page(digits_run: Run, page: str) -> None:
    assert render(digits_run) == page


def test_reports_import_neither_keras_nor_tensorflow_nor_ray() -> None:
    program = "import reports.pages.page, sys; print(sorted({'keras', 'tensorflow', 'ray'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def recorded(run: Run, metric: str) -> Run:
    """Return the run with its baseline measured for the record, and a start that was not."""
    assert run.test is not None
    assert run.measurement is not None
    turned = dataclasses.replace(run.test, probabilities=run.test.probabilities[:, ::-1])
    rows = (
        RecordRow(role="answer", trial=run.measurement.trial, name=None, test=on_test(run.test, metric)),
        RecordRow(
            role="baseline",
            trial=0,
            name="by_hand",
            test=on_test(turned, metric),
            against_answer=against_answer(run.test, turned, metric),
        ),
        RecordRow(role="start", trial=7, name="advised", missing=MISSING),
    )
    return dataclasses.replace(
        run,
        record=dataclasses.replace(run.record, metric=metric),
        for_the_record=ForTheRecord(schema=1, images=len(run.test.labels), rows=rows),
    )


@pytest.mark.parametrize("metric", ["val_accuracy", "macro_f1", "balanced_accuracy"])
def test_what_was_measured_for_the_record_has_a_table(digits_run: Run, metric: str) -> None:
    run = recorded(digits_run, metric)
    text = render(run, is_lite=True)
    table = next(rows for rows in tables_of(text) if any("best hand-made baseline" in row[0] for row in rows[1:]))
    assert run.for_the_record is not None
    baseline = run.for_the_record.rows[1]
    assert baseline.test is not None
    assert baseline.against_answer is not None

    assert '<h3 id="for-the-record">For the record, not for choosing</h3>' in text
    assert [row[0] for row in table[1:]] == [row.title for row in run.for_the_record.rows]
    assert table[2][1] == f"{100 * baseline.test.accuracy:.1f}\u00a0%"
    assert str(baseline.against_answer.only_answer_right) in table[2]
    assert table[3][1] == f"not measured: {MISSING}"
    assert len(table[2]) == len(table[0])


def test_a_study_of_an_earlier_version_says_that_its_baseline_was_not_measured(digits_run: Run) -> None:
    text = " ".join(render(digits_run, is_lite=True).split())

    assert "were not measured on the test images: an earlier version ended this study" in text
    assert f"python -m search resume {digits_run.record.study}" in text


def tables_of(text: str) -> list[list[list[str]]]:
    """Return the tables of a page without identifiers, as rows of cells."""
    found = []
    for table in re.findall(r"<table.*?</table>", text, re.S):
        rows = re.findall(r"<tr.*?</tr>", table, re.S)
        cells = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.S) for row in rows]
        found.append([[html.unescape(re.sub("<[^>]*>", "", cell)).strip() for cell in row] for row in cells])
    return found


def test_what_a_backbone_has_seen_stands_at_the_top(digits_run: Run) -> None:
    note = "0 of 288 validation images were training images of the backbone model.keras"
    run = dataclasses.replace(digits_run, record=dataclasses.replace(digits_run.record, backbone_note=note))
    header = render(run, is_lite=True).partition("</header>")[0]

    assert f'<p class="muted">{note}.</p>' in header
