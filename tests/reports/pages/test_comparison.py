"""The page that puts studies side by side: its numbers, its words, names as text, and nothing from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import recall_score

from objectives.files import predictions as stored_predictions
from objectives.messages import Predictions
from reports.findings.comparison import compare
from reports.pages.comparison import course_chart, headline, render_comparison, sentence, write_comparison
from reports.stored.read import read_run
from reports.stored.run import Run
from search.cli.app import run_command_line
from search.winner.measure import measurement_of
from tests.reports.browser import Browser, needs_browser
from tests.reports.pages.test_page import HOSTILE, Page
from tests.reports.run_folders import write_run
from tests.reports.test_page_in_browser import FAINT, violations


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two studies of the digits whose names, and whose classes' names, are hostile."""
    place, classes = tmp_path_factory.mktemp("compared"), HOSTILE + tuple("56789")
    one, two = (
        write_run(
            place / name,
            study_name=f"{name}<script>alert(1)</script>",
            trials=3,
            distinct=3,
            seed=seed,
            classes=classes,
        )
        for seed, name in enumerate(("one", "two"))
    )
    return one, two


@pytest.fixture(scope="module")
def runs(folders: tuple[Path, Path]) -> tuple[Run, Run]:
    one, two = map(read_run, folders)
    return one, two


@pytest.fixture(scope="module")
def page(runs: tuple[Run, Run]) -> str:
    return render_comparison(runs, compare(runs))


def named(run: Run, name: str) -> Run:
    return replace(run, record=replace(run.record, study=name))


def right_on(run: Run, right: int) -> Run:
    """Return a run whose winner is right on the first so many of 100 test images, none of them of class 0."""
    labels = np.ones(100, dtype=np.int32)
    chosen = np.where(np.arange(100) < right, 1, 0)
    test = Predictions(
        probabilities=np.eye(10, dtype=np.float32)[chosen], labels=labels, images=np.arange(100, dtype=np.int32)
    )
    return replace(run, test=test)


def test_recalls_in_the_page_equal_scikit_learns(page: str, folders: tuple[Path, Path], runs: tuple[Run, Run]) -> None:
    stored = [stored_predictions.load(folder / "best/predictions.npz") for folder in folders]
    recalls = [recall_score(one.labels, one.probabilities.argmax(axis=1), average=None) for one in stored]
    expected = {
        name: [f"{first:.3f}", f"{second:.3f}"] for name, first, second in zip(runs[0].classes, *recalls, strict=True)
    }
    assert {row[0]: row[1:3] for row in Page(page).tables["pair-1"][1:]} == expected


def test_each_side_has_its_test_accuracy_and_interval(page: str, runs: tuple[Run, Run]) -> None:
    measured = [run.measurement for run in runs]
    expected = [
        [f"{100 * one.accuracy:.2f} %", f"{100 * one.interval_95[0]:.1f} % to {100 * one.interval_95[1]:.1f} %"]
        for one in measured
        if one is not None
    ]
    assert [row[2:4] for row in Page(page).tables["side-table"][1:]] == expected


def test_hostile_names_are_text_and_there_is_no_script(page: str, runs: tuple[Run, Run]) -> None:
    found = Page(page)
    plain = tuple(named(replace_classes(run, tuple("0123456789")), f"study {at}") for at, run in enumerate(runs))
    assert found.tags == Page(render_comparison(plain, compare(plain))).tags
    assert "script" not in found.tags


def replace_classes(run: Run, classes: tuple[str, ...]) -> Run:
    return replace(run, record=replace(run.record, data=replace(run.record.data, classes=classes)))


def test_no_element_names_an_address_outside_the_page(page: str) -> None:
    assert [one for one in Page(page).addresses if not one.startswith(("data:", "#"))] == []


def test_a_winner_that_is_right_more_often_than_chance_explains_is_the_better_one(runs: tuple[Run, Run]) -> None:
    found = compare([named(right_on(runs[0], 60), "first"), named(right_on(runs[1], 80), "second")])
    assert headline(found) == "second is better"
    assert sentence(found, found.pairs[0]) == (
        "Of the same 100 test images, 20 are right only with second and 0 only with first "
        "(McNemar's exact test: p < 0.001): more than chance explains."
    )


def test_the_first_study_may_be_the_better_one(runs: tuple[Run, Run]) -> None:
    found = compare([named(right_on(runs[0], 80), "first"), named(right_on(runs[1], 60), "second")])
    assert headline(found) == "first is better"


def optimising(metric: str, run: Run, name: str) -> Run:
    return replace(run, record=replace(run.record, study=name, metric=metric))


def rarely(right: list[int], run: Run) -> Run:
    """Return a run whose winner is right on these many of 90 images of class 0 and of 10 of class 1."""
    labels = np.repeat([0, 1], [90, 10]).astype(np.int32)
    is_right = np.concatenate([np.arange(90) < right[0], np.arange(10) < right[1]])
    probabilities = np.full((100, 10), 0.0, dtype=np.float32)
    probabilities[np.arange(100), np.where(is_right, labels, 1 - labels)] = 1.0
    test = Predictions(probabilities=probabilities, labels=labels, images=np.arange(100, dtype=np.int32))
    measured = measurement_of(0, test, metric=run.record.metric)
    return replace(run, test=test, measurement=measured)


def test_the_better_study_is_so_by_the_metric_of_both(runs: tuple[Run, Run]) -> None:
    """By accuracy, the first is better."""
    ours = [optimising("balanced_accuracy", run, name) for run, name in zip(runs, ("first", "second"), strict=True)]
    some = [rarely([90, 1], ours[0]), rarely([82, 8], ours[1])]
    found, page = compare(some), render_comparison(some, compare(some))
    expected = (0.5 * (82 / 90 + 8 / 10) - 0.5 * (90 / 90 + 1 / 10)) * 100

    assert headline(found) == "second is better"
    assert sentence(found, found.pairs[0]) == (
        f"On the same 100 test images, second is {expected:.1f} points above first in mean recall over classes "
        "(paired bootstrap: p = 0.004): more than chance explains."
    )
    assert [row[2:5] for row in Page(page).tables["side-table"]] == [
        ["test mean recall over classes", "95 % interval", "test accuracy"],
        ["55.00 %", "50.0 % to 65.0 %", "91.00 %"],
        ["85.56 %", "71.1 % to 97.2 %", "90.00 %"],
    ]


def test_of_losses_the_smaller_is_better(runs: tuple[Run, Run]) -> None:
    ours = [optimising("val_loss", run, name) for run, name in zip(runs, ("first", "second"), strict=True)]
    found = compare([rarely([90, 10], ours[0]), rarely([45, 5], ours[1])])

    assert headline(found) == "first is better"
    assert "second is 7.9712 above first in loss (paired bootstrap: p = 0.002)" in sentence(found, found.pairs[0])


def test_different_metrics_are_compared_by_accuracy_which_is_said(runs: tuple[Run, Run]) -> None:
    some = [rarely([90, 1], runs[0]), rarely([40, 8], optimising("macro_f1", runs[1], "second"))]
    found = compare(some)
    said = "searched by different metrics (macro_f1 and val_accuracy); compared by accuracy"

    assert (found.metric, found.note) == ("val_accuracy", said)
    assert "McNemar's exact test" in sentence(found, found.pairs[0])
    assert said in render_comparison(some, found)
    assert said in list(found.lines())


def test_a_difference_that_chance_explains_is_called_none(runs: tuple[Run, Run]) -> None:
    found = compare([right_on(runs[0], 80), right_on(runs[1], 81)])
    assert headline(found) == "No difference beyond chance"


def test_without_a_measured_winner_the_page_says_so(runs: tuple[Run, Run]) -> None:
    some = (runs[0], replace(runs[1], test=None, measurement=None))
    found = compare(some)
    assert headline(found) == "Not all winners are measured on the same test images"
    assert '<td class="number">not measured</td>' in render_comparison(some, found)


def test_the_course_is_the_best_so_far_by_training_minutes(runs: tuple[Run, Run]) -> None:
    chart = course_chart(runs)
    assert chart is not None
    ended = [trial.record for trial in runs[0].trials if trial.record]
    best = [max(one.score or 0 for one in ended[: at + 1] if one.state == "COMPLETE") for at in range(len(ended))]
    assert chart.series[0].y == tuple(best)
    assert chart.series[0].x[-1] == pytest.approx(sum(one.seconds_training for one in ended) / 60)


def test_courses_by_different_metrics_are_not_drawn(runs: tuple[Run, Run]) -> None:
    assert course_chart([runs[0], replace(runs[1], record=replace(runs[1].record, metric="val_loss"))]) is None


def test_a_study_without_a_complete_trial_is_shown(runs: tuple[Run, Run]) -> None:
    some = (runs[0], replace(runs[1], trials=(), measurement=None, test=None))
    assert "no trial is complete yet" in render_comparison(some, compare(some))


def test_the_command_writes_the_page_and_prints_its_path(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code = run_command_line(["compare", *map(str, folders), "--report"])
    path = Path(capsys.readouterr().out.splitlines()[-1])
    assert (code, path) == (0, folders[0] / "compare-two.html")
    assert len(path.read_bytes()) <= 1_000_000


def test_json_names_the_page(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    run_command_line(["compare", *map(str, folders), "--report", "--json"])
    assert json.loads(capsys.readouterr().out)["report"] == str(folders[0] / "compare-two.html")


def test_more_studies_still_have_one_short_name(runs: tuple[Run, Run], tmp_path: Path) -> None:
    some = [replace(run, folder=tmp_path / name) for run, name in zip((*runs, runs[0]), "abc", strict=True)]
    (tmp_path / "a").mkdir()
    assert write_comparison(some, compare(some)) == tmp_path / "a/compare-b-and-1-more.html"


def test_a_page_that_can_not_be_written_is_one_error(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("reports.pages.comparison.write_whole", full)
    code = run_command_line(["compare", *map(str, folders), "--report"])
    told = capsys.readouterr()
    assert (code, told.out) == (5, "")
    assert told.err == f"error: can't write the page in {folders[0]}: No space left on device\n"


@pytest.fixture(params=[(1200, False), (1200, True), (360, False)], ids=["light", "dark", "narrow"])
def opened(request: pytest.FixtureRequest, page: str, tmp_path: Path) -> Iterator[Browser]:
    needs_browser()
    width, is_dark = request.param
    (tmp_path / "page.html").write_text(page)
    with Browser(tmp_path, width=width, is_dark=is_dark) as browser:
        browser.open(tmp_path / "page.html")
        yield browser


@pytest.mark.slow
def test_a_browser_requests_nothing_and_has_nothing_to_complain_of(opened: Browser, tmp_path: Path) -> None:
    assert opened.requests() == [(tmp_path / "page.html").as_uri()]
    assert (opened.console(), opened.has_dialog()) == ([], False)
    assert opened.run("return document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.slow
def test_axe_finds_nothing_wrong_with_the_comparison(page: str, tmp_path: Path) -> None:
    needs_browser()
    # axe is injected by the driver, which the page's policy does not stop
    (tmp_path / "page.html").write_text(page)
    with Browser(tmp_path) as browser:
        browser.open(tmp_path / "page.html")
        assert (violations(browser), browser.run(FAINT)) == ([], [])
