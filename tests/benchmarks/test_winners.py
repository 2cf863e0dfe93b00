"""What is handed over after a search: what is trained, what is computed from it, and the table."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.searches.table import Row, Table
from benchmarks.winners.answers import answers, confirmed
from benchmarks.winners.plan import Job, Plan, distinct
from benchmarks.winners.showing import show
from benchmarks.winners.store import Trained, load, save

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
    parameters="{}",
)
TRIALS = [
    replace(TRIAL, trial=n, number=n, score=score, parameters=f'{{"a": {n}}}')
    for n, score in enumerate((0.7, 0.9, 0.8))
]
NOTHING = np.zeros((0, 2), np.float32)


def plan(folder: Path) -> Plan:
    """Return a plan of three trials of eight epochs."""
    return Plan(space="cnn_cifar", data="digits", trials=3, epochs=8, is_only_optimism=False, folder=folder)


def trained(validation: list[float], test: list[float]) -> Trained:
    """Return a training that gives the right class, the second, these probabilities."""
    rows = [np.array([[1 - p, p] for p in part], np.float32) for part in (validation, test)]
    labels = [np.ones(len(part), np.int32) for part in rows]
    return Trained(
        scores=np.array([0.5]),
        seconds=np.array(1.0),
        validation=rows[0],
        validation_labels=labels[0],
        validation_averaged=rows[0],
        test=rows[1],
        test_flipped=NOTHING,
        test_averaged=rows[1],
        test_labels=labels[1],
    )


def of_accuracy(validation: float, test: float) -> Trained:
    """Return a training with these shares of ten images right."""
    return trained(*([0.9] * round(10 * share) + [0.1] * round(10 - 10 * share) for share in (validation, test)))


def keep(folder: Path, jobs: list[Job], found: list[Trained]) -> None:
    """Store trainings."""
    place = plan(folder).place
    place.mkdir(parents=True, exist_ok=True)
    for job, one in zip(jobs, found, strict=True):
        save(one, place / job.file)


def confirm(folder: Path) -> None:
    """Store fresh seeds: the trial of the second best score has the best mean."""
    for trial, shares in zip(distinct(TRIALS), ((0.9, 0.5), (0.8, 0.8), (0.7, 0.7)), strict=True):
        keep(folder, plan(folder).fresh(trial), [of_accuracy(share, share - 0.1) for share in shares])


def test_the_best_distinct_recipes_come_first() -> None:
    repeat = replace(TRIALS[1], trial=3, number=3, score=0.95)
    pruned = replace(TRIALS[2], trial=4, state="PRUNED", score=1.0)
    assert [trial.trial for trial in distinct([*TRIALS, repeat, pruned])] == [3, 2, 0]


def test_a_refit_with_as_many_steps_has_fewer_epochs(tmp_path: Path) -> None:
    made = plan(tmp_path)
    assert [made.same_steps(TRIAL).epochs, made.refit(TRIAL, times=1.5).epochs] == [6, 12]
    assert {made.refit(TRIAL).part, made.same_steps(TRIAL).part} == {"all"}


def test_no_two_trainings_share_a_file(tmp_path: Path) -> None:
    start = replace(TRIAL, trial=3, number=3, name="norm_one_cycle", score=0.1, parameters='{"b": 1}')
    baseline = replace(start, trial=4, number=4, name="cifar_small", parameters='{"b": 2}')
    files = [job.file for job in plan(tmp_path).jobs([*TRIALS, start, baseline])]
    assert len(set(files)) == len(files) == 1 + 3 + 2 + 2 + 4 + 6


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    save(trained([0.9, 0.2], [0.7]), tmp_path / "one.npz")
    found = load(tmp_path / "one.npz")
    assert found is not None
    assert (found.score, found.test_accuracy, float(found.seconds)) == (0.5, 1.0, 1.0)
    assert load(tmp_path / "other.npz") is None


def test_the_confirmed_winner_has_the_best_mean_over_fresh_seeds(tmp_path: Path) -> None:
    assert confirmed(plan(tmp_path), TRIALS) is None
    confirm(tmp_path)
    found = confirmed(plan(tmp_path), TRIALS)
    assert found is not None
    assert (found.trial.trial, round(found.score, 3), round(found.test, 3)) == (2, 0.8, 0.7)


def test_two_refits_are_averaged_and_have_no_score(tmp_path: Path) -> None:
    made = plan(tmp_path)
    jobs = [made.refit(TRIALS[1], number=number) for number in (3_000_000, 3_000_001)]
    refits = [trained([1.0], test) for test in ([0.4, 0.9, 0.9], [0.9, 0.4, 0.4])]
    keep(tmp_path, [made.again(TRIALS[1]), *jobs], [of_accuracy(0.9, 0.6), *refits])
    found = answers(made, TRIALS)
    assert found["the winner refitted, same epochs"].test == pytest.approx(2 / 3)
    assert found["two refits averaged"].test == 1.0
    assert found["two refits averaged"].score is None
    assert "three refits averaged" not in found


def test_the_table_has_optimism_and_gains_in_points(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = plan(tmp_path)
    confirm(tmp_path)
    keep(
        tmp_path,
        [made.again(TRIALS[1]), made.refit(TRIALS[1])],
        [of_accuracy(0.9, 0.6), of_accuracy(1.0, 0.8)],
    )
    with Table(made.place / "searches.csv") as table:
        table.add(TRIALS)
    show(made)
    lines = capsys.readouterr().out.splitlines()[2:]
    assert lines[0] == "| the search's winner | 1 | 0 | 90.00 | 60.00 | +30.00 [+30.00..+30.00] |  |"
    assert "| 80.00 | 70.00 | +10.00 [+10.00..+10.00] | +10.00 [+10.00..+10.00] |" in lines[2]
    assert lines[-1].endswith("on the same images: +20.00 [+20.00..+20.00] points, 1 seeds")
    assert lines[3].startswith("| the winner refitted, same epochs | 1 | 1 |  | 80.00 |  | +20.00")


def test_the_table_of_no_searches_is_a_heading(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show(plan(tmp_path))
    assert capsys.readouterr().out.count("\n") == 2


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_search_and_what_comes_after_are_run_once(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.winners"]
    options = ["--trials", "7", "--epochs", "1", "--folder", str(tmp_path)]
    subprocess.run([*command, "run", "--seeds", "3", *options], check=True)
    first = subprocess.run([*command, "show", *options], check=True, capture_output=True, text=True).stdout
    assert "| three refits averaged | 1 | 3 |" in first
    again = subprocess.run([*command, "run", "--seeds", "3", *options], check=True, capture_output=True, text=True)
    assert again.stdout == "seed 3: all trained\n"
