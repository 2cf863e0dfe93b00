"""The table of trials, for the page and for pandas."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pandas as pd

from reports.charts import parameter_chart
from reports.importances import find_importances
from reports.run import Run
from reports.trials_table import failures_by_cause, telling_parameters, trial_rows, trials_frame, write_trials_csv


def test_the_frame_has_a_row_a_trial_and_a_column_a_parameter(digits_run: Run) -> None:
    frame = trials_frame(digits_run)
    assert frame["trial"].tolist() == list(range(12))
    assert frame.loc[3, "param_learning_rate"] == digits_run.trials[3].params["learning_rate"]


def test_the_csv_reads_back_with_the_same_scores(digits_run: Run, tmp_path: Path) -> None:
    write_trials_csv(digits_run, tmp_path / "trials.csv")
    scores = pd.read_csv(tmp_path / "trials.csv")["score"]
    assert scores.dropna().tolist() == [trial.score for trial in digits_run.trials if trial.score is not None]


def test_the_best_finished_trial_comes_first_and_failures_last(digits_run: Run) -> None:
    rows = trial_rows(digits_run)
    assert (rows[0].trial, rows[0].rank) == (digits_run.ranked[0], 1)
    assert rows[-1].trial.state == "FAIL"


def test_only_parameters_that_differ_get_a_column(digits_run: Run) -> None:
    columns = telling_parameters(digits_run, find_importances(digits_run).shares)
    assert all(len({trial.params[name] for trial in digits_run.trials}) > 1 for name in columns)
    assert 1 <= len(columns) <= 6


def test_failures_are_counted_by_cause(digits_run: Run) -> None:
    assert failures_by_cause(digits_run) == (("error", 1, "ValueError: the stand-in failed on purpose"),)


def test_importances_sum_to_1(digits_run: Run) -> None:
    shares = find_importances(digits_run).shares
    assert abs(sum(shares.values()) - 1.0) < 1e-9


def test_a_thousand_finished_trials_are_thinned_with_the_best_among_them(digits_run: Run) -> None:
    winner = digits_run.winner
    assert winner is not None
    others = [dataclasses.replace(digits_run.ranked[1], number=number) for number in range(20, 1220)]
    run = dataclasses.replace(digits_run, trials=(*digits_run.trials, *others))
    (marked,) = [one for one in parameter_chart(run, "learning_rate").series if one.label == "winner"]
    (drawn,) = [one for one in parameter_chart(run, "learning_rate").series if one.label == "finished trials"]
    assert (len(drawn.x), marked.y) == (403, (winner.score,))
