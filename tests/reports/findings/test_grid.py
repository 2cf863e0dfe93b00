"""Trials in the cells of two parameters, and the learning curves that are drawn there."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reports.charts.grid import grid_charts
from reports.charts.plotly import figure_json
from reports.charts.svg import picture
from reports.findings.grid import Grid, find_grid
from reports.stored.run import History, Run, Trial
from spaces.errors import UnknownNameError, UsageError


def trial(number: int, params: Mapping[str, Any], *, score: float = 0.5, epochs: int = 3) -> Trial:
    losses = np.linspace(1.0, 0.4, epochs)
    columns = {"score": np.linspace(0.1, score, epochs), "loss": losses, "val_loss": losses + 0.1}
    columns |= {"accuracy": columns["score"] + 0.05, "val_accuracy": columns["score"]}
    return Trial(
        number=number,
        state="COMPLETE",
        params=params,
        score=score,
        record=None,
        recipe=None,
        history=History(epochs=np.arange(1, epochs + 1, dtype=np.int32), columns=columns) if epochs else None,
        confusion=None,
    )


def grid_of(run: Run, trials: list[Trial], names: tuple[str, str] = ("rate", "units")) -> Grid | None:
    return find_grid(dataclasses.replace(run, trials=tuple(trials), measurement=None), names, informative=())


@pytest.fixture
def nine(digits_run: Run) -> Run:
    """The three networks by three learning rates of a fashion lab, each trained once."""
    pairs = [(rate, units) for rate in (0.05, 0.1, 0.5) for units in ("1x32", "2x32", "2x64")]
    trials = tuple(
        trial(number, {"rate": rate, "units": units}, score=0.5 + number / 100)
        for number, (rate, units) in enumerate(pairs)
    )
    return dataclasses.replace(digits_run, trials=trials, measurement=None, study=None)


def test_few_values_have_a_cell_each(nine: Run) -> None:
    grid = find_grid(nine, ("rate", "units"), informative=())
    assert grid is not None
    assert (grid.columns.levels, grid.rows.levels) == (("0.05", "0.1", "0.5"), ("1x32", "2x32", "2x64"))
    assert [[[one.number for one in cell] for cell in row] for row in grid.cells] == [
        [[0], [3], [6]],
        [[1], [4], [7]],
        [[2], [5], [8]],
    ]


def test_many_numbers_are_sorted_into_three_ranges_of_as_many_trials(digits_run: Run) -> None:
    trials = [trial(number, {"rate": 10 ** (-number / 10), "units": number % 2}) for number in range(30)]
    grid = grid_of(digits_run, trials)
    assert grid is not None
    assert [sum(len(row[column]) for row in grid.cells) for column in range(3)] == [10, 10, 10]
    assert grid.columns.levels == ("0.00126 to 0.01", "0.0126 to 0.1", "0.126 to 1")


def test_the_best_trial_of_a_cell_comes_first(digits_run: Run) -> None:
    scores = [0.2, 0.9, 0.4, 0.3]
    trials = [
        trial(number, {"rate": 0.1 * (number == 3), "units": number == 2}, score=score)
        for number, score in enumerate(scores)
    ]
    grid = grid_of(digits_run, trials)
    assert grid is not None
    assert [one.number for one in grid.cells[0][0]] == [1, 0]


def test_unchosen_the_two_most_telling_parameters_that_vary_are_taken(nine: Run) -> None:
    grid = find_grid(nine, None, informative=("units", "absent", "rate"))
    assert grid is not None
    assert (grid.columns.name, grid.rows.name) == ("units", "rate")


def test_trials_without_epochs_or_without_a_parameter_have_no_cell(nine: Run) -> None:
    more = (trial(9, {"rate": 0.1, "units": "1x32"}, epochs=0), trial(10, {"rate": 0.1}))
    grid = find_grid(dataclasses.replace(nine, trials=nine.trials + more), ("rate", "units"), informative=())
    assert grid is not None
    assert sum(len(cell) for row in grid.cells for cell in row) == 9


def test_an_unknown_parameter_is_named_with_the_nearest(nine: Run) -> None:
    with pytest.raises(UnknownNameError, match="unknown parameter 'unit'. Did you mean 'units'?"):
        find_grid(nine, ("rate", "unit"), informative=())


def test_a_parameter_that_never_varies_is_refused(nine: Run) -> None:
    fixed = tuple(dataclasses.replace(one, params={**one.params, "seed": 1}) for one in nine.trials)
    with pytest.raises(UsageError, match="'seed' is the same in all trials; expected two of: rate and units"):
        find_grid(dataclasses.replace(nine, trials=fixed), ("rate", "seed"), informative=())


def test_the_same_parameter_twice_is_refused(nine: Run) -> None:
    with pytest.raises(UsageError, match="invalid --grid 'rate,rate': expected two different"):
        find_grid(nine, ("rate", "rate"), informative=())


def test_accuracy_and_loss_are_drawn_with_the_best_of_each_cell(nine: Run) -> None:
    grid = find_grid(nine, ("rate", "units"), informative=())
    assert grid is not None
    charts = grid_charts(grid, nine)
    assert [chart.title for chart in charts] == ["Accuracy by rate and units", "Loss by rate and units"]
    panel = charts[0].cells[1][2]
    assert panel.note == "1 trial, best 57.00 %"
    assert {one.label: one.y[-1] for one in panel.series} == {
        "best of the cell, training": 0.62,
        "best of the cell, validation": 0.57,
    }


def test_one_unstable_training_does_not_stretch_the_shared_axis(nine: Run) -> None:
    wild = dict(nine.trials[0].history.columns) if nine.trials[0].history else {}
    wild["val_loss"] = np.array([1.0, 1.0, 1e6])
    burst = dataclasses.replace(nine.trials[0], history=History(epochs=np.arange(1, 4, dtype=np.int32), columns=wild))
    run = dataclasses.replace(nine, trials=(burst, *nine.trials[1:]))
    grid = find_grid(run, ("rate", "units"), informative=())
    assert grid is not None
    limits = grid_charts(grid, run)[1].y.limits
    assert limits is not None
    assert limits[1] < 2


def test_both_painters_draw_a_cell_without_trials(nine: Run, tmp_path: Path) -> None:
    run = dataclasses.replace(nine, trials=nine.trials[:8])
    grid = find_grid(run, ("rate", "units"), informative=())
    assert grid is not None
    chart = grid_charts(grid, run)[0]
    assert chart.cells[2][2].note == "no trial"
    assert "no trial" in figure_json(chart)
    assert picture(chart).startswith("data:image/svg+xml;base64,")


def test_each_row_and_column_is_named_where_its_first_cell_is_empty(nine: Run) -> None:
    diagonal = tuple(one for place, one in enumerate(nine.trials) if place % 4 == 0)
    grid = find_grid(dataclasses.replace(nine, trials=diagonal), ("rate", "units"), informative=())
    assert grid is not None
    drawn = json.loads(figure_json(grid_charts(grid, nine)[0]))
    assert len({trace["xaxis"] for trace in drawn["data"]}) == 9, "plotly leaves out the axes of a cell without a trace"
