"""Real searches in pairs: what is kept, what is left out when run again, and the table."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.searches.plan import FRESH
from benchmarks.searches.showing import show
from benchmarks.searches.table import Row, Table, best_of, luck_numbers, parsed

TRIAL = Row(
    space="cnn_cifar",
    data="digits",
    images_seed=0,
    sampler="tpe",
    trial=0,
    name="",
    state="COMPLETE",
    score=0.9,
    test=float("nan"),
    number=0,
    parameters='{"a": 1, "b": "x"}',
)


def trainings(trial: Row, accuracies: list[tuple[float, float]], numbers: range = FRESH) -> list[Row]:
    """Return trainings of a trial's recipe with these validation and test accuracies."""
    return [
        replace(trial, sampler="", trial=-1, state="", score=score, test=test, number=number)
        for number, (score, test) in zip(numbers, accuracies, strict=True)
    ]


def search(seed: int, sampler: str, *, sampled: float, again: float) -> list[Row]:
    """Return a search whose start scores 0.90 and whose sampler's best `sampled`, when trained again `again`."""
    start = replace(TRIAL, images_seed=seed, sampler=sampler, name="start", score=0.90, parameters="{}")
    one = replace(start, trial=1, name="", number=1, score=sampled, parameters=sampler)
    two = replace(one, trial=2, number=2, score=0.99, state="PRUNED", parameters=f"{sampler} 2")
    rows = [start, one, two, *trainings(one, [(again, again - 0.01)] * 3)]
    return rows + trainings(start, [(0.89, 0.88), (0.90, 0.90), (0.91, 0.92)])


def test_the_best_trials_are_complete_ones() -> None:
    sampled, start = best_of(search(0, "tpe", sampled=0.8, again=0.8)[:3])
    assert sampled is not None
    assert start is not None
    assert (sampled.trial, start.name) == (1, "start")
    assert best_of([replace(TRIAL, state="PRUNED")]) == (None, None)


def test_what_was_kept_is_read_again_without_a_line_that_a_kill_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "searches.csv"
    with Table(path) as table:
        table.add([TRIAL, replace(TRIAL, trial=1, number=1)])
    whole = path.read_text()
    path.write_text(whole + whole[:40])
    with Table(path) as table:
        assert [row.trial for row in table.rows] == [0, 1]
        table.add([replace(TRIAL, trial=2, number=2)])
    assert [row.trial for row in parsed(path.read_text())] == [0, 1, 2]
    assert parsed(path.read_text())[0].parameters == TRIAL.parameters


def test_a_search_that_is_written_twice_counts_once() -> None:
    text = 'cnn_cifar,digits,0,tpe,4,,COMPLETE,0.5,nan,4,"{}"\n'
    assert len(parsed(text * 2)) == 1


def test_the_table_has_gains_over_the_start_trained_again_in_points(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        row
        for seed, gains in enumerate(((0.90, 0.91), (0.89, 0.93)))
        for sampler, again in zip(("tpe", "nearby"), gains, strict=True)
        for row in search(seed, sampler, sampled=0.95, again=again)
    ]
    luck = [(0.88, 0.87), (0.94, 0.95)]
    start = replace(TRIAL, name="start", parameters="{}")
    assert len(luck_numbers(rows[:3])) == 2
    show(rows + trainings(start, luck, luck_numbers(rows[:3])))

    lines = capsys.readouterr().out.splitlines()[2:]
    assert lines[0].startswith("| tpe | 2 | 0 of 2 | +5.00 [+5.00..+5.00] | -0.50 [-1.00..+0.00] | -1.50")
    assert lines[1].startswith("| nearby | 2 | 2 of 2 | +5.00 [+5.00..+5.00] | +2.00 [+1.00..+3.00] | +1.00")
    assert lines[2].startswith("| the start itself | 1 | 1 of 1 | +4.00 [+4.00..+4.00] | +1.00 [+1.00..+1.00] | +1.00")
    assert lines[3].startswith("| nearby beyond tpe | 2 | 2 of 2 | +0.00 [+0.00..+0.00] | +2.50 [+1.00..+4.00] | +2.50")


def test_searches_whose_trainings_are_missing_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    show(search(0, "tpe", sampled=0.95, again=0.9) + search(1, "tpe", sampled=0.95, again=0.9)[:-1])
    assert "| tpe | 1 | " in capsys.readouterr().out


def test_the_table_of_no_searches_is_a_heading(capsys: pytest.CaptureFixture[str]) -> None:
    show([])
    assert capsys.readouterr().out.count("\n") == 2


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_searches_are_run_in_pairs_and_not_run_again(tmp_path: Path) -> None:
    path = tmp_path / "searches.csv"
    command = [sys.executable, "-m", "benchmarks.searches", "run", "--seeds", "3", "--trials", "7", "--epochs", "1"]
    subprocess.run([*command, "--file", str(path)], check=True)
    rows = parsed(path.read_text())
    begins = {
        sampler: [(row.name, row.score) for row in rows if row.sampler == sampler and row.name]
        for sampler in ("tpe", "nearby")
    }
    assert begins["tpe"] == begins["nearby"]
    assert sum(bool(row.sampler) for row in rows) == 14
    assert {row.number for row in rows if not row.sampler} >= {*FRESH}
    assert all(0.0 < row.test < 1.0 for row in rows if not row.sampler)

    path.write_text(path.read_text()[:-5])  # the last training is repeated, with the same result
    again = subprocess.run([*command, "--file", str(path)], check=True, capture_output=True, text=True)
    assert again.stdout == ""
    assert [replace(row, test=0.0) for row in parsed(path.read_text())] == [replace(row, test=0.0) for row in rows]
