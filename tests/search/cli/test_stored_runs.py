"""A run that was stored before the packages had folders is still resumed and reported.

`fixtures/stored_run/before` was written at commit 9ccc79f, by a driver that was killed after the second of three
epochs of its second trial: `mlp_fashion` on digits, 120 images, `--executor inline`. Its report, its dashboard's files
and its generated script were left out.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from search.cli.app import run_command_line

STORED = Path(__file__).parents[1] / "fixtures" / "stored_run" / "before"


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """A copy of the stored run."""
    return shutil.copytree(STORED, tmp_path / "before")


def test_it_is_reported_as_it_is(before: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run_command_line(["report", "before", "--runs", str(before.parent), "--json"])
    answer = json.loads(capsys.readouterr().out)

    assert (code, answer["best"]["trial"], answer["missing"]) == (0, 0, [])
    assert (before / "report.html").is_file()


@pytest.mark.slow
@pytest.mark.promise
def test_it_goes_on_at_its_epoch_with_the_trials_that_it_has(before: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = (before / "trials" / "0000" / "result.json").read_bytes()
    code = run_command_line(["resume", "before", "--runs", str(before.parent), "--trials", "3", "--json"])
    shown = capsys.readouterr()
    trials = json.loads(shown.out)["trials"]

    assert (code, trials["total"], trials["complete"], trials["running"]) == (0, 3, 3, 0), shown.err
    assert "1 done, 1 interrupted (trial 1 continues at epoch 3), 1 to go" in shown.err
    assert (before / "trials" / "0000" / "result.json").read_bytes() == first
    assert (before / "report.html").is_file()


@pytest.mark.slow
def test_one_whose_pruner_was_removed_goes_on_with_the_default(
    before: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = json.loads((before / "settings.json").read_text())
    stored["settings"]["pruner"] = "wilcoxon"
    (before / "settings.json").write_text(json.dumps(stored))
    words = ["resume", "before", "--runs", str(before.parent), "--trials", "2"]

    assert run_command_line(words) == 0
    note = "pruner 'wilcoxon' does not exist any more; the study continues with 'percentile'"
    assert note in capsys.readouterr().err
    assert run_command_line([*words[:-1], "3"]) == 0
    assert note not in capsys.readouterr().err
