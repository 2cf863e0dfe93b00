"""Learning curves in the cells of two parameters, as charts over shared axes."""

from __future__ import annotations

import math

import numpy as np

from reports.charts.spec import Axis, Panel, Panels, Series
from reports.charts.trials import curves, drawn_of, joined, line
from reports.findings.grid import Grid
from reports.stored.run import Run, Trial
from reports.wording import count, is_fraction, label, metric_name, score

_drawn_most = 12
"""Trials in one cell; of more, some evenly over their order."""


def grid_charts(grid: Grid, run: Run) -> tuple[Panels, ...]:
    """Accuracy and loss by epoch in each cell; the score alone where nothing else was recorded."""
    pairs = (("accuracy", "val_accuracy", "Accuracy"), ("loss", "val_loss", "Loss"))
    recorded = {column for trial in _all(grid) if trial.history for column in trial.history.columns}
    wanted = [pair for pair in pairs if pair[1] in recorded]
    return tuple(
        _panels(grid, run, training, validation, title=title)
        for training, validation, title in wanted or [("", "score", metric_name(run.record.metric).capitalize())]
    )


def _panels(grid: Grid, run: Run, training: str, validation: str, *, title: str) -> Panels:
    cells = tuple(
        tuple(Panel(note=_note(trials, run), series=_series(trials, training, validation)) for trials in row)
        for row in grid.cells
    )
    is_share = title == "Accuracy" or (validation == "score" and is_fraction(run.record.metric))
    names = [label(side.name) for side in (grid.columns, grid.rows)]
    return Panels(
        name=f"grid-{title.lower().replace(' ', '-')}",
        title=f"{title} by {names[0]} and {names[1]}",
        alternative=f"{title} by epoch in a cell for each pair. {_listed(grid, run)}",
        x=Axis(title="epoch", is_whole=True),
        y=Axis(title=title.lower(), is_fraction=is_share, limits=_limits(cells)),
        rows=tuple(f"{names[1]}\n{level}" for level in grid.rows.levels),
        columns=tuple(f"{names[0]}\n{level}" for level in grid.columns.levels),
        cells=cells,
    )


def _all(grid: Grid) -> list[Trial]:
    return [trial for row in grid.cells for trials in row for trial in trials]


def _note(trials: tuple[Trial, ...], run: Run) -> str:
    return f"{count(len(trials), 'trial')}, best {score(trials[0].score, run.record.metric)}" if trials else "no trial"


def _listed(grid: Grid, run: Run) -> str:
    listed = [
        f"{label(grid.columns.name)} {column}, {label(grid.rows.name)} {row}: {_note(trials, run)}"
        for row, line in zip(grid.rows.levels, grid.cells, strict=True)
        for column, trials in zip(grid.columns.levels, line, strict=True)
    ]
    return "; ".join(listed) + "."


def _series(trials: tuple[Trial, ...], training: str, validation: str) -> tuple[Series, ...]:
    drawn = trials[:: max(1, math.ceil(len(trials) / _drawn_most))]
    stopped = [trial for trial in drawn if trial.state == "PRUNED"]
    others = [trial for trial in drawn[1:] if trial.state != "PRUNED"]
    quiet = [trial for trial in stopped if trial is not trials[0]]
    found = [
        joined("stopped early", curves(quiet, validation), tone="quiet", opacity=0.5),
        _ends(stopped, validation),
        joined("other trials", curves(others, validation), tone="accent", opacity=0.5),
    ]
    best = trials[0].history if trials else None
    if best is not None:
        found.append(line("best of the cell, training", best, training, tone="contrast", mark="dashed"))
        found.append(line("best of the cell, validation", best, validation, tone="accent", is_thick=True))
    return drawn_of(found)


def _ends(stopped: list[Trial], column: str) -> Series:
    """Where trials were stopped: of one epoch, a cross is all there is to see."""
    ends = curves(stopped, column)
    return Series(
        label="where stopped",
        x=tuple(epochs[-1] for epochs, _ in ends),
        y=tuple(values[-1] for _, values in ends),
        mark="crosses",
        tone="muted",
    )


def _limits(cells: tuple[tuple[Panel, ...], ...]) -> tuple[float, float] | None:
    """The range of nearly all values: one unstable training must not flatten all other curves."""
    drawn = [y for row in cells for panel in row for one in panel.series for y in one.y if y is not None]
    if not drawn:
        return None
    low, high = np.quantile(drawn, (0.01, 0.98))
    edge = 0.06 * float(high - low) or 0.05
    return float(low) - edge, float(high) + edge
