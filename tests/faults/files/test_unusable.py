"""Rows 21, 22 and 26 of the fault table as whole commands: images that can't be read, a network that can't be built.

Given a folder with a file that is no image, or a space whose networks all fail; the command ends with the documented
code, and its reason names the file, or the person's own message and line; with `--skip-bad` the report counts it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from search.cli.app import run_command_line
from tests.search.driver.test_driver import SMALL_SPACE

FAULTY_SPACE = SMALL_SPACE.replace(
    "def suggest(trial):",
    '''@dataclass(frozen=True, kw_only=True)
class Faulty(Network):
    """Asks for what is not there."""


@build.register
def _faulty(network: Faulty, images):
    return {}["the layer they forgot"]


def suggest(trial):
    return Recipe(network=Faulty(), fit=Fit(learning_rate=trial.suggest_float("rate", 0.001, 0.1)))


def unused(trial):''',
).replace(
    "from spaces.recipe import",
    "from dataclasses import dataclass\n\n"
    "from objectives.networks.registry import build\nfrom spaces.recipe import Network,",
).replace('{"by_hand": {"filters": 8, "learning_rate": 0.003}}', "{}")  # fmt: skip


def ended(folder: Path, space: str, data: Path | str, capsys: pytest.CaptureFixture[str], *options: str) -> Any:
    """Run a search in this process; returns the object that it ends with."""
    (folder / "mine.py").write_text(space)
    command = ["run", "--space", str(folder / "mine.py"), "--data", str(data), "--study", "s", "--runs", str(folder)]
    code = run_command_line([*command, "--executor", "inline", "--epochs", "1", "--json", *options])
    found = json.loads(capsys.readouterr().out)
    assert found["exit_code"] == code
    return found


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Six images of two classes, and one that is none."""
    drawn = np.random.default_rng(0)
    for label in ("cats", "dogs"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(6):
            pixels = drawn.integers(0, 256, (8, 8), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / label / f"{number}.png")
    (tmp_path / "photos" / "cats" / "broken.jpg").write_text("no image")
    return tmp_path / "photos"


def test_a_file_that_is_no_image_ends_the_search_before_it_begins(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = ended(tmp_path, SMALL_SPACE, photos, capsys)
    assert (found["exit_code"], found["resumable"], list(tmp_path.glob("s/trials/*"))) == (3, False, [])
    assert found["reason"].startswith("1 of 13 files")
    assert "--skip-bad leaves them out\n  cats/broken.jpg: " in found["reason"]


@pytest.mark.slow
def test_a_file_that_is_left_out_is_counted_in_the_report(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = ended(tmp_path, SMALL_SPACE, photos, capsys, "--skip-bad", "--image-size", "8", "--trials", "1")
    page = Path(found["report"]).read_text()
    assert (found["exit_code"], "1 file left out as unreadable" in page, "cats/broken.jpg" in page) == (0, True, True)


@pytest.mark.slow
def test_networks_that_all_fail_end_the_search_with_their_own_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = ended(tmp_path, FAULTY_SPACE, "digits", capsys, "--trials", "20", "--train-images", "100")
    assert (found["exit_code"], found["trials"]["failed"]) == (6, 3)
    assert "KeyError while building the network: 'the layer they forgot'" in found["reason"]
    assert 'mine.py", line ' in found["reason"]
