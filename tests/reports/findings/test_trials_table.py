"""The table of trials, for the page and for pandas."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from reports.charts.parameters import parallel_chart, parameter_chart
from reports.findings.importances import find_importances
from reports.findings.trials_table import (
    failures_by_cause,
    informative_parameters,
    trial_rows,
    trials_frame,
    write_trials_csv,
)
from reports.stored.run import Run


def test_the_frame_has_a_row_a_trial_and_a_column_a_parameter(digits_run: Run) -> None:
    frame = trials_frame(digits_run)
    assert frame["trial"].tolist() == list(range(12))
    assert frame.loc[3, "param_learning_rate"] == digits_run.trials[3].params["learning_rate"]


def choosing(run: Run, *chosen: dict[str, Any]) -> Run:
    """Return a run of trials with these parameters."""
    trials = [dataclasses.replace(run.trials[0], number=n, params=params) for n, params in enumerate(chosen)]
    return dataclasses.replace(run, trials=tuple(trials))


def test_each_column_of_the_frame_has_one_plain_type(digits_run: Run) -> None:
    types = {str(dtype) for dtype in trials_frame(digits_run).dtypes}
    assert types <= {"Int64", "Float64", "boolean", "string"}


@pytest.mark.parametrize(
    ("chosen", "kind", "stored"),
    [
        ([1, 2, None], "Int64", [1, 2, None]),
        ([1, 0.5, None], "Float64", [1.0, 0.5, None]),
        ([True, False, None], "boolean", [True, False, None]),
        (["same", 3, None], "string", ["same", "3", None]),
        ([True, 1, None], "string", ["true", "1", None]),
        ([[16, 32], "a", None], "string", ["[16, 32]", "a", None]),
    ],
)
def test_a_parameter_has_the_narrowest_type_that_holds_its_values(
    digits_run: Run, chosen: list[Any], kind: str, stored: list[Any]
) -> None:
    params = [{"p": value} if value is not None else {} for value in chosen]
    column = trials_frame(choosing(digits_run, *params))["param_p"]
    assert str(column.dtype) == kind
    assert [None if pd.isna(value) else value for value in column] == stored


def test_a_choice_of_none_is_not_a_parameter_that_was_not_asked_for(digits_run: Run) -> None:
    column = trials_frame(choosing(digits_run, {"p": None}, {"p": 0.5}, {}))["param_p"]

    assert [None if pd.isna(value) else value for value in column] == ["none", "0.5", None]


def test_a_study_without_trials_has_a_frame_with_its_columns(digits_run: Run) -> None:
    frame = trials_frame(choosing(digits_run))
    assert (len(frame), str(frame["score"].dtype)) == (0, "Float64")


def test_the_frame_comes_back_from_parquet(digits_run: Run, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="to_parquet needs pyarrow, which Tamiz does not")
    frame = trials_frame(digits_run)
    frame.to_parquet(tmp_path / "trials.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "trials.parquet"), frame)


def test_the_csv_reads_back_with_the_same_scores(digits_run: Run, tmp_path: Path) -> None:
    write_trials_csv(digits_run, tmp_path / "trials.csv")
    scores = pd.read_csv(tmp_path / "trials.csv")["score"]
    assert scores.dropna().tolist() == [trial.score for trial in digits_run.trials if trial.score is not None]


def test_the_best_finished_trial_comes_first_and_failures_last(digits_run: Run) -> None:
    rows = trial_rows(digits_run)
    assert (rows[0].trial, rows[0].rank) == (digits_run.ranked[0], 1)
    assert rows[-1].trial.state == "FAIL"


def test_only_parameters_that_differ_get_a_column(digits_run: Run) -> None:
    columns = informative_parameters(digits_run, find_importances(digits_run).shares)
    assert all(len({trial.params[name] for trial in digits_run.trials}) > 1 for name in columns)
    assert 1 <= len(columns) <= 6


def test_failures_are_counted_by_cause(digits_run: Run) -> None:
    assert failures_by_cause(digits_run) == (("error", 1, "ValueError: the stand-in failed on purpose"),)


def test_importances_sum_to_1(digits_run: Run) -> None:
    shares = find_importances(digits_run).shares
    assert abs(sum(shares.values()) - 1.0) < 1e-9


def with_params(run: Run, **fixed: object) -> Run:
    trials = tuple(dataclasses.replace(one, params={**one.params, **fixed}) for one in run.trials)
    return dataclasses.replace(run, trials=trials)


def test_a_parameter_of_one_value_has_no_importance(digits_run: Run) -> None:
    shares = find_importances(with_params(digits_run, learning_rate=0.001)).shares
    assert "learning_rate" in find_importances(digits_run).shares
    assert "learning_rate" not in shares
    assert abs(sum(shares.values()) - 1.0) < 1e-9


def test_a_continuous_parameter_stands_on_a_scale_however_few_its_values(digits_run: Run) -> None:
    drawn = parameter_chart(dataclasses.replace(digits_run, trials=digits_run.trials[:4]), "learning_rate")
    values = [trial.params["learning_rate"] for trial in digits_run.trials[:4] if trial in digits_run.ranked]
    assert drawn.x.is_log
    assert sorted(x for x in drawn.series[0].x if x is not None) == sorted(values)


def test_a_category_stands_at_its_name(digits_run: Run) -> None:
    axis = parameter_chart(digits_run, "batch_norm").x
    assert axis.ticks == ((0.0, "no"), (1.0, "yes"))


def test_the_lines_over_parameters_leave_out_what_not_all_trials_have(digits_run: Run) -> None:
    first, *others = digits_run.ranked
    partly = dataclasses.replace(first, params={**first.params, "extra": 1})
    run = dataclasses.replace(digits_run, trials=(partly, *others))
    chart = parallel_chart(run, ("learning_rate", "extra", "batch_norm"))
    assert chart is not None
    assert [name.split("\n")[0] for _, name in chart.x.ticks or ()] == ["learning rate", "batch norm"]


def test_a_thousand_finished_trials_are_thinned_with_the_best_among_them(digits_run: Run) -> None:
    winner = digits_run.winner
    assert winner is not None
    others = [dataclasses.replace(digits_run.ranked[1], number=number) for number in range(20, 1220)]
    run = dataclasses.replace(digits_run, trials=(*digits_run.trials, *others))
    (marked,) = [one for one in parameter_chart(run, "learning_rate").series if one.label == "winner"]
    (drawn,) = [one for one in parameter_chart(run, "learning_rate").series if one.label == "finished trials"]
    assert (len(drawn.x), marked.y) == (403, (winner.score,))
