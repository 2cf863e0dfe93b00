"""The page in a real browser: nothing fetched, nothing complained of, nothing run that a name brought along."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import pytest

from reports.classifier.side_by_side import class_moves, find_recalls
from reports.pages.page import write_report
from reports.pages.parts import recipe_rows
from reports.stored.read import read_run
from tests.reports.browser import Browser, needs_browser
from tests.reports.pages.test_page import HOSTILE
from tests.reports.run_folders import set_texts, write_run

pytestmark = pytest.mark.slow

SCROLL = "window.scrollTo(0, document.querySelector('#history, #mattered').offsetTop); return true"
AXE = """; return axe.run().then(found => found.violations.map(
    one => [one.impact, one.id, ...one.nodes.map(node => node.html.slice(0, 200))]))"""
FAINT = """
const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
const rgba = (color) => {
  canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
};
const over = (top, under) => [0, 1, 2].map(at => (top[at] * top[3] + under[at] * (255 - top[3])) / 255).concat(255);
const linear = (part) => part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4;
const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
const paper = [255, 255, 255, 255];
const behind = (one) => one ? over(rgba(getComputedStyle(one).backgroundColor), behind(one.parentElement)) : paper;
const faint = new Set();
for (const one of document.querySelectorAll('body *')) {
  const style = getComputedStyle(one), own = [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim());
  if (!own || one.closest('script, svg, .hidden, .skip, select') || !one.checkVisibility()) continue;
  const under = behind(one), [a, b] = [light(over(rgba(style.color), under)), light(under)];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), size = parseFloat(style.fontSize);
  const least = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
  if (ratio < least) faint.add(`${one.tagName}.${one.className} ${ratio.toFixed(2)}`);
}
return [...faint]"""  # by WCAG 2.1, 1.4.3; axe-core 4.4 gives up on colours that are mixed
ALL_DRAWN = "return document.querySelectorAll('#mattered .canvas.drawn .main-svg').length > 0"


@pytest.fixture(scope="module")
def hostile_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "hostile"
    names = HOSTILE + tuple("56789")
    write_run(folder, trials=12, distinct=6, classes=names, study_name="{{7*7}}<script>alert(1)</script>")
    set_texts(folder, HOSTILE[0] + HOSTILE[1])
    return write_report(folder)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory, hostile_report: Path) -> Iterator[Browser]:
    """A browser in which the hostile report is open and its charts are drawn."""
    needs_browser()
    with Browser(tmp_path_factory.mktemp("browser")) as opened:
        opened.open(hostile_report)
        opened.run(SCROLL)
        opened.wait_for(ALL_DRAWN)
        yield opened


@pytest.mark.promise
def test_nothing_is_requested_but_the_file(browser: Browser, hostile_report: Path) -> None:
    assert browser.requests() == [hostile_report.as_uri()]


@pytest.mark.promise
def test_the_console_stays_empty(browser: Browser) -> None:
    assert browser.console() == []


@pytest.mark.promise
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


def test_a_trial_that_is_not_laid_out_opens_to_its_recipe_curve_and_classes(
    browser: Browser, hostile_report: Path
) -> None:
    run = read_run(hostile_report.parent)
    recalls = find_recalls(run)
    assert recalls is not None
    laid_out = browser.run("return [...document.querySelectorAll('details.trial')].map(one => +one.id.slice(6))")
    trial = next(one for one in run.trials if one.number not in laid_out and one.number in recalls.hits)
    browser.run(f"document.querySelector('#trial-table a[href=\"#trial-{trial.number}\"]').click()")
    opened = f"document.getElementById('trial-{trial.number}')"
    browser.wait_for(f"return !!{opened}?.querySelector('.main-svg')")
    tables = browser.run(
        f"return [...{opened}.querySelectorAll('table')].map(one => "
        "[...one.tBodies[0].rows].map(row => [...row.cells].map(cell => cell.textContent)))"
    )
    hits = [f"{hit} of {of}" for hit, of in zip(recalls.hits[trial.number], recalls.support, strict=True)]
    assert [row[2] for row in tables[0]] == hits
    assert tables[1] == [[name, value] for name, value in recipe_rows(trial)]
    assert trial.history is not None
    drawn = browser.run(f"return {opened}.querySelector('.live').data[0].y")
    assert drawn == pytest.approx(trial.history.scores.tolist(), abs=1e-5)
    assert (browser.console(), browser.has_dialog()) == ([], False)


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


BEYOND = """
return [...document.querySelectorAll('main table, main pre, main figure, main img, main p, main dl')]
  .filter(one => one.checkVisibility() && one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map(one => `${one.tagName} ${one.id || one.className} ${Math.round(one.getBoundingClientRect().right)}`)"""
A4 = 718
"""CSS pixels of A4 paper between margins of one centimetre."""


@pytest.fixture(scope="module")
def many_classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with the widest tables: a matrix of twenty classes with long names, and all parameters that differ."""
    names = tuple(f"a kind of thing with a long name, {number}" for number in range(20))
    folder = write_run(tmp_path_factory.mktemp("runs") / "wide", trials=12, distinct=4, classes=names)
    return write_report(folder)


@pytest.mark.parametrize("report", ["hostile_report", "many_classes"])
def test_on_paper_nothing_sticks_out(request: pytest.FixtureRequest, report: str, tmp_path: Path) -> None:
    needs_browser()
    with Browser(tmp_path) as opened:
        opened.open(request.getfixturevalue(report))
        opened.run("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        opened.on_paper(width=A4)
        assert opened.run(BEYOND) == []


def violations(opened: Browser) -> list[list[str]]:
    """What axe-core finds wrong with the page, each with its impact, its rule and the elements."""
    rules = resources.files("axe_core_python") / "axe.min.js"
    found: list[list[str]] = opened.run(rules.read_text() + AXE)
    return found


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Somebody who opens the page."""

    width: int = 1200
    is_dark: bool = False
    is_lite: bool = False


READERS = (
    Reader(),
    Reader(is_dark=True),
    Reader(width=360),
    Reader(is_dark=True, is_lite=True),
    Reader(width=360, is_lite=True),
)


@pytest.fixture(params=READERS, ids=str)
def opened(request: pytest.FixtureRequest, hostile_report: Path, tmp_path: Path) -> Iterator[Browser]:
    """A browser in which a reader has opened the page and all that can be opened in it."""
    needs_browser()
    reader: Reader = request.param
    page = write_report(hostile_report.parent, is_lite=True) if reader.is_lite else hostile_report
    with Browser(tmp_path, width=reader.width, is_dark=reader.is_dark) as browser:
        browser.open(page)
        browser.run("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        if not reader.is_lite:
            browser.run(SCROLL)
            browser.wait_for(ALL_DRAWN)
        yield browser


def test_axe_finds_nothing_wrong_and_no_text_is_faint(opened: Browser) -> None:
    assert (violations(opened), opened.run(FAINT)) == ([], [])


def test_what_nobody_could_read_would_be_found(browser: Browser) -> None:
    browser.run("document.querySelector('.eyebrow').style.color = '#eeeeee'")
    browser.run("document.querySelector('.still').removeAttribute('alt')")
    assert [one.split()[0] for one in browser.run(FAINT)] == ["P.eyebrow", "SPAN."]
    assert "image-alt" in {one[1] for one in violations(browser)}


def test_headings_step_down_one_at_a_time(browser: Browser) -> None:
    levels = browser.run("return [...document.querySelectorAll('h1, h2, h3, h4')].map(one => Number(one.tagName[1]))")
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_two_trials_are_put_side_by_side_from_the_keyboard(browser: Browser, hostile_report: Path) -> None:
    run = read_run(hostile_report.parent)
    recalls = find_recalls(run)
    assert recalls is not None
    first, second = list(recalls.hits)[2:4]
    choose = "for (const [at, trial] of {}.entries()) {{ const list = document.querySelectorAll('.choice select')[at];"
    choose += " list.focus(); list.value = trial; list.dispatchEvent(new Event('change')); }}"
    browser.run(choose.format(json.dumps([first, second])))
    read = "return [...document.querySelectorAll('#moves tbody tr')].map(row => [...row.cells].map(c => c.textContent))"
    moves = class_moves(recalls, run.classes, first=first, second=second)
    assert [row[:3] for row in browser.run(read)] == [
        [move.name, f"{move.first / move.support:.3f}", f"{move.second / move.support:.3f}"] for move in moves
    ]
    assert browser.run("return document.activeElement.tagName") == "SELECT"
