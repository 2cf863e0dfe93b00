"""The stock dashboard in a real browser: a trial's artifacts and note, and the study's figures, together."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from search.dashboard.figures import PREFIX
from search.results.run_folder import RunFolder
from tests.reports.browser import Browser, needs_browser

pytestmark = pytest.mark.slow

HOUSE = Path(__file__).parents[3]
FIGURES = ("confusion", "reliability", "winner-accuracy", "winner-loss")


@pytest.fixture(scope="module")
def address(finished: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a copy of a real study with `dashboard`; the address that it printed."""
    needs_browser()
    copy = tmp_path_factory.mktemp("served") / "small"
    shutil.copytree(finished.path, copy)
    server = subprocess.Popen(
        [sys.executable, "-m", "search", "dashboard", str(copy), "--read-only"],
        cwd=HOUSE,
        env=os.environ | {"PYTHONPATH": str(HOUSE)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
    finally:
        server.terminate()  # a shell in the background lets its children ignore Ctrl-C
        server.communicate(timeout=60)


@pytest.fixture(scope="module")
def browser(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser that has opened the address with its token."""
    with Browser(tmp_path_factory.mktemp("browser"), width=1600) as opened:
        opened.go(address)
        opened.wait_for("return location.pathname === '/dashboard' && !location.search.includes('token')", seconds=60)
        yield opened


def of_study(address: str, page: str = "") -> str:
    found = urlsplit(address)
    return f"{found.scheme}://{found.netloc}/dashboard/studies/1{page}"


def test_the_study_s_page_draws_our_figures(browser: Browser, address: str) -> None:
    browser.go(of_study(address))
    for name in FIGURES:
        drawn = f"document.getElementById('user-defined-plot:{PREFIX}{name}')?.querySelector('.main-svg')"
        browser.wait_for(f"return !!{drawn}", seconds=60)
    shown = browser.run(
        f"return document.getElementById('user-defined-plot:{PREFIX}reliability').querySelector('.gtitle').textContent"
    )
    assert shown == "Confidence against accuracy"


def test_a_trial_s_page_shows_its_artifacts_and_its_note(browser: Browser, address: str, finished: RunFolder) -> None:
    record = finished.read_trial(1)
    assert record is not None
    assert record.score is not None
    browser.go(of_study(address, "/trials?numbers=1"))
    note = f"Score {record.score:.4f} at epoch {record.best_epoch} of {record.epochs}."
    for text in (note, "confusion.png", "per_class.csv", "history.csv"):
        browser.wait_for(f"return document.body.innerText.includes('{text}')", seconds=60)
    matrix = "[...document.querySelectorAll('img')].find(one => one.src.includes('/artifacts/'))"
    browser.wait_for(f"const it = {matrix}; return it && it.complete && it.naturalWidth === 240")


def test_nothing_is_requested_from_elsewhere(browser: Browser, address: str) -> None:
    browser.go(of_study(address))
    browser.wait_for("return document.readyState === 'complete'")
    hosts = {urlsplit(one).netloc for one in browser.requests()}
    assert hosts == {urlsplit(address).netloc}
