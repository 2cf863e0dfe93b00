"""The page in a real browser: nothing fetched, nothing complained of, nothing run that a name brought along."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reports.page import write_report
from tests.reports.browser import Browser, needs_browser
from tests.reports.run_folders import write_run
from tests.reports.test_page import HOSTILE

pytestmark = pytest.mark.slow

SCROLL = "window.scrollTo(0, document.querySelector('#history, #mattered').offsetTop); return true"
ALL_DRAWN = "return document.querySelectorAll('#mattered .canvas.drawn .main-svg').length > 0"


@pytest.fixture(scope="module")
def hostile_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "hostile"
    names = HOSTILE + tuple("56789")
    return write_report(
        write_run(folder, trials=12, distinct=6, classes=names, study_name="{{7*7}}<script>alert(1)</script>")
    )


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory, hostile_report: Path) -> Iterator[Browser]:
    """A browser in which the hostile report is open and its charts are drawn."""
    needs_browser()
    with Browser(tmp_path_factory.mktemp("browser")) as opened:
        opened.open(hostile_report)
        opened.run(SCROLL)
        opened.wait_for(ALL_DRAWN)
        yield opened


def test_nothing_is_requested_but_the_file(browser: Browser, hostile_report: Path) -> None:
    assert browser.requests() == [hostile_report.as_uri()]


def test_the_console_stays_empty(browser: Browser) -> None:
    assert browser.console() == []


def test_hostile_names_open_no_dialog(browser: Browser) -> None:
    assert not browser.has_dialog()


def test_a_hostile_class_name_is_read_as_text(browser: Browser) -> None:
    shown = browser.run("return [...document.querySelectorAll('#class-table tbody th')].map(cell => cell.textContent)")
    assert set(HOSTILE) <= set(shown)


def test_a_heading_sorts_the_trials_both_ways(browser: Browser) -> None:
    press = "document.querySelectorAll('#trial-table thead th')[1].querySelector('button').click();"
    read = "return [...document.querySelectorAll('#trial-table tbody tr')].map(row => +row.cells[1].textContent)"
    up, down = browser.run(press + read), browser.run(press + read)
    assert (up, down) == (list(range(12)), list(range(11, -1, -1)))


def test_a_link_opens_the_trial_it_names(browser: Browser) -> None:
    browser.run("document.querySelector('#trial-table tbody a').click()")
    browser.wait_for("return document.querySelectorAll('details.trial[open]').length === 1")
    assert browser.run("return document.querySelector('details.trial[open]').id") == browser.run(
        "return document.querySelector('#trial-table tbody a').hash.slice(1)"
    )


def test_without_scripts_the_pictures_stand(hostile_report: Path, tmp_path: Path) -> None:
    needs_browser()
    with Browser(tmp_path, has_script=False) as opened:
        opened.open(hostile_report)
        opened.picture(tmp_path / "page.png")
        assert opened.console() == []


def test_at_360_pixels_nothing_sticks_out(hostile_report: Path, tmp_path: Path) -> None:
    needs_browser()
    with Browser(tmp_path, width=360) as opened:
        opened.open(hostile_report)
        assert opened.run("return document.documentElement.scrollWidth") <= 360
