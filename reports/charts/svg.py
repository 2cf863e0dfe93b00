"""Charts as SVG pictures, for paper, for readers without JavaScript and for small reports."""

from __future__ import annotations

import base64
import io
import threading
import warnings
from dataclasses import replace
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, MaxNLocator, NullFormatter, PercentFormatter

from reports.charts.spec import DARK, LIGHT, Axis, Chart, Drawing, HeatMap, Panels, Series

_inches = {"wide": (9.2, 3.3), "half": (5.4, 3.2), "small": (3.2, 2.0)}
_settings: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text, in the reader's own font
    "svg.hashsalt": "tamiz",
    "text.parse_math": False,  # names of classes are not formulas
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "path.simplify": True,
}
_one_at_a_time = threading.Lock()
_many_points = 150
_many_corners = 6000
"""Points, and corners of lines, from which a series is stored as pixels, which are then the smaller."""


def picture(chart: Drawing) -> str:
    """Return a chart as a data address of an SVG picture that follows the reader's light or dark scheme."""
    with _one_at_a_time, mpl.rc_context(_settings), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a script that the measuring font lacks: the reader's font has it
        figure = _painted(chart)
        stored = io.StringIO()
        figure.savefig(stored, format="svg", transparent=True, dpi=110, metadata={"Date": None, "Creator": None})
    svg = stored.getvalue()
    svg = (
        svg[svg.index("<svg") :]
        .replace("'DejaVu Sans'", "system-ui, sans-serif")
        .replace("<defs>", _scheme() + "<defs>", 1)
    )
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _scheme() -> str:
    """A style sheet that turns each colour of the light palette into its dark one."""
    rules = "".join(
        f'[style*="{part}: {LIGHT[tone]}"]{{{part}:{DARK[tone]}!important}}'
        for tone in LIGHT
        for part in ("fill", "stroke")
    )
    return f"<style>@media screen and (prefers-color-scheme:dark){{{rules}}}</style>"


def _painted(chart: Drawing) -> Figure:
    if isinstance(chart, HeatMap):
        return _painted_map(chart)
    return _painted_panels(chart) if isinstance(chart, Panels) else _painted_series(chart)


def _painted_series(chart: Chart) -> Figure:
    width, height = _inches[chart.size]
    figure = Figure(figsize=(width, height))
    left, bottom, top = (0.75, 0.5, 0.35) if chart.size != "small" else (0.5, 0.3, 0.1)
    figure.subplots_adjust(left=left / width, right=1 - 0.12 / width, bottom=bottom / height, top=1 - top / height)
    axes = figure.add_subplot()
    for one in chart.series:
        _paint(axes, one)
    _set_axis(axes, chart.x, "x")
    _set_axis(axes, chart.y, "y")
    _set_frame(axes)
    if sum(one.is_named for one in chart.series) > 1 and chart.size != "small":
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=4,
            frameon=False,
            labelcolor=LIGHT["muted"],
            borderaxespad=0.2,
        )
    return figure


def _painted_map(chart: HeatMap) -> Figure:
    figure = Figure(figsize=(5.6, 5.0), layout="constrained")
    axes = figure.add_subplot()
    colors = LinearSegmentedColormap.from_list("tamiz", ["#ffffff00", "#bcdbe4", LIGHT["accent"]])
    axes.imshow(np.array(chart.fractions), cmap=colors, vmin=0, vmax=1, interpolation="nearest")
    axes.set_xlabel("predicted", color=LIGHT["muted"])
    axes.set_ylabel("true", color=LIGHT["muted"])
    axes.tick_params(length=0, colors=LIGHT["muted"], labelsize=5)
    places = range(len(chart.names))
    axes.set_xticks(places, labels=[name[:16] for name in chart.names], rotation=90)
    axes.set_yticks(places, labels=[name[:16] for name in chart.names])
    for spine in axes.spines.values():
        spine.set_color(LIGHT["rule"])
    return figure


def _painted_panels(chart: Panels) -> Figure:
    rows, columns = len(chart.rows), len(chart.columns)
    figure = Figure(figsize=(9.2, 0.9 + 1.75 * rows), layout="constrained")
    for row, line in enumerate(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)):
        for column, axes in enumerate(line):
            panel = chart.cells[row][column]
            for one in panel.series:
                _paint(axes, one)
            _set_axis(axes, replace(chart.x, title=chart.x.title if row == rows - 1 else ""), "x")
            _set_axis(axes, replace(chart.y, title=chart.rows[row] if column == 0 else ""), "y")
            _set_frame(axes)
            axes.yaxis.label.set_fontsize(8)
            above = f"{chart.columns[column]}\n{panel.note}" if row == 0 else panel.note
            axes.set_title(above, fontsize=8, color=LIGHT["muted"])
    lines = {str(one.get_label()): one for axes in figure.axes for one in axes.get_lines()}
    figure.legend(
        [*lines.values()], [*lines], loc="outside upper left", ncols=5, frameon=False, labelcolor=LIGHT["muted"]
    )
    return figure


def _set_frame(axes: Axes) -> None:
    axes.grid(visible=True, axis="y", color=LIGHT["rule"], linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(LIGHT["rule"])
    axes.tick_params(length=0, colors=LIGHT["muted"], which="both")


def _paint(axes: Axes, series: Series) -> None:
    x = np.array([np.nan if one is None else one for one in series.x])
    y = np.array([np.nan if one is None else one for one in series.y])
    points = series.mark in ("points", "crosses")
    axes.plot(
        x,
        y,
        label=series.label if series.is_named else "_",
        color=LIGHT[series.tone],
        alpha=series.opacity,
        linestyle="none" if points else "--" if series.mark == "dashed" else "-",
        linewidth=2.2 if series.is_thick else 1.3,
        marker={"points": "o", "crosses": "x"}.get(series.mark, "none"),
        markersize=4,
        markeredgewidth=1.0 if series.mark == "crosses" else 0,
        drawstyle="steps-post" if series.mark == "steps" else "default",
        rasterized=len(x) > (_many_points if points else _many_corners),
    )


def _set_axis(axes: Axes, axis: Axis, which: str) -> None:
    drawn = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xlabel if which == "x" else axes.set_ylabel)(axis.title, color=LIGHT["muted"])
    if axis.is_log:
        (axes.set_xscale if which == "x" else axes.set_yscale)("log")
        drawn.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:g}"))  # Matplotlib's own is a formula
        drawn.set_minor_formatter(NullFormatter())
    if axis.is_fraction:
        drawn.set_major_formatter(PercentFormatter(1.0))
    if axis.is_whole:
        drawn.set_major_locator(MaxNLocator(integer=True))
    if axis.ticks is not None:
        drawn.set_major_locator(FixedLocator([place for place, _ in axis.ticks]))
        drawn.set_major_formatter(FixedFormatter([name for _, name in axis.ticks]))
    if axis.limits is not None:
        (axes.set_xlim if which == "x" else axes.set_ylim)(*axis.limits)
