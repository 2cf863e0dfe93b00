"""Charts as plotly figures, which a reader can point at."""

from __future__ import annotations

import html
import json
from dataclasses import replace
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from reports.charts.spec import LIGHT, Axis, Chart, Drawing, HeatMap, Panels, Series

CONFIG = {
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "displaylogo": False,
    "displayModeBar": False,
    "responsive": True,
}
"""No button that uploads the figure; dragging zooms, a double click resets."""
_heights = {"wide": 380, "half": 320, "small": 220}
_map_height = 640
_row_height = 180
_font = (
    "-apple-system, BlinkMacSystemFont, 'Segoe UI', Inter, Roboto, 'Noto Sans', 'Helvetica Neue', 'Liberation Sans', "
    "Arial, sans-serif"
)


def height_of(chart: Drawing) -> int:
    """Return how tall a chart is drawn, in CSS pixels."""
    if isinstance(chart, Panels):
        return 120 + _row_height * len(chart.rows)
    return _map_height if isinstance(chart, HeatMap) else _heights[chart.size]


def figure_json(chart: Drawing) -> str:
    """Return a chart as plotly's JSON, in the light palette."""
    text: str = _figure(chart).to_json()
    return text


def titled_figure(chart: Drawing) -> go.Figure:
    """Return a chart as a figure that stands by itself: its title above it, as large as the place that it is given."""
    figure = _figure(chart)
    title = {"text": _text(chart.title), "x": 0.02, "y": 0.98, "yanchor": "top", "font": {"size": 14}}
    figure.update_layout(title=title, height=None, autosize=True, margin={"t": 36 + (figure.layout.margin.t or 0)})
    return figure


def _figure(chart: Drawing) -> go.Figure:
    if isinstance(chart, HeatMap):
        return _map_figure(chart)
    return _panels_figure(chart) if isinstance(chart, Panels) else _series_figure(chart)


def _series_figure(chart: Chart) -> go.Figure:
    named = sum(one.is_named for one in chart.series) > 1
    layout = _layout(chart) | {
        "xaxis": _axis(chart.x, is_grid=False),
        "yaxis": _axis(chart.y, is_grid=True),
        "showlegend": named and chart.size != "small",
    }
    return go.Figure(data=[_trace(one) for one in chart.series], layout=layout)


def _panels_figure(chart: Panels) -> go.Figure:
    titles = [_text(panel.note) for row in chart.cells for panel in row]
    figure = make_subplots(
        rows=len(chart.rows),
        cols=len(chart.columns),
        shared_xaxes="all",
        shared_yaxes="all",
        horizontal_spacing=0.03,
        vertical_spacing=0.16 / len(chart.rows),
        subplot_titles=titles,
    )
    named: set[str] = set()
    for row, line in enumerate(chart.cells, start=1):
        for column, panel in enumerate(line, start=1):
            if not panel.series:  # or else plotly leaves the axes out, and the names of row and column with them
                nowhere = {"type": "scatter", "x": [None], "y": [None], "showlegend": False}
                figure.add_trace(nowhere, row=row, col=column)
            for one in panel.series:
                listed = {"showlegend": one.label not in named, "legendgroup": one.label}
                figure.add_trace(_trace(one) | listed, row=row, col=column)
                named.add(one.label)
    small = {"size": 11, "color": LIGHT["muted"]}
    figure.update_annotations(font=small)
    legend = {"orientation": "h", "x": 0, "y": 1, "yref": "container", "yanchor": "top"}
    figure.update_layout(_layout(chart) | {"legend": legend, "margin": {"l": 60, "r": 12, "t": 72, "b": 64}})
    figure.update_xaxes(_axis(replace(chart.x, title=""), is_grid=False) | {"nticks": 5})
    figure.update_yaxes(_axis(replace(chart.y, title=""), is_grid=True) | {"nticks": 5})
    for row, name in enumerate(chart.rows, start=1):
        figure.update_yaxes(title={"text": _text(name), "standoff": 8, "font": small}, row=row, col=1)
    for column, name in enumerate(chart.columns, start=1):
        figure.update_xaxes(title={"text": _text(name), "standoff": 8, "font": small}, row=len(chart.rows), col=column)
    return figure


def _layout(chart: Drawing) -> dict[str, Any]:
    small = chart.size == "small"
    return {
        "template": "none",
        "height": height_of(chart),
        "margin": {"l": 44 if small else 60, "r": 12, "t": 8, "b": 34 if small else 48},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": _font, "size": 12, "color": LIGHT["muted"]},
        "hoverlabel": {"font": {"family": _font, "size": 12}},
        "hovermode": "closest",
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
    }


def _axis(axis: Axis, *, is_grid: bool) -> dict[str, Any]:
    drawn: dict[str, Any] = {
        "title": {"text": _text(axis.title), "standoff": 8},
        "type": "log" if axis.is_log else "linear",
        "showgrid": is_grid,
        "gridcolor": LIGHT["rule"],
        "linecolor": LIGHT["rule"],
        "showline": not is_grid,
        "zeroline": False,
        "ticks": "",
        "automargin": True,
    }
    if axis.is_log:
        drawn |= {"dtick": 1, "exponentformat": "power"}
    if axis.is_fraction:
        drawn["tickformat"] = ".1~%"
    if axis.is_whole:
        drawn["tickformat"] = "d"
    if axis.ticks is not None:
        drawn |= {"tickvals": [place for place, _ in axis.ticks], "ticktext": [_text(name) for _, name in axis.ticks]}
    if axis.limits is not None:
        drawn["range"] = list(axis.limits)
    return drawn


def _text(plain: str) -> str:
    """Text that plotly shows as it is: it reads a few tags otherwise."""
    return html.escape(plain).replace("\n", "<br>")


def _trace(series: Series) -> dict[str, Any]:
    trace: dict[str, Any] = {
        "type": "scatter",
        "x": list(series.x),
        "y": list(series.y),
        "name": _text(series.label),
        "opacity": series.opacity,
        "showlegend": series.is_named,
        "hoverinfo": "text" if series.notes else "x+y+name",
    }
    if series.notes:
        trace["text"] = [_text(note) for note in series.notes]
    return trace | (_points(series) if series.mark in ("points", "crosses") else _line(series))


def _points(series: Series) -> dict[str, Any]:
    color, is_cross = LIGHT[series.tone], series.mark == "crosses"
    edge = {"color": color, "width": 1.6 if is_cross else 0}
    symbol = "x-thin" if is_cross else "circle"
    return {"mode": "markers", "marker": {"color": color, "size": 7, "symbol": symbol, "line": edge}}


def _line(series: Series) -> dict[str, Any]:
    line = {
        "color": LIGHT[series.tone],
        "width": 2.6 if series.is_thick else 1.6,
        "dash": "dash" if series.mark == "dashed" else "solid",
        "shape": "hv" if series.mark == "steps" else "linear",
    }
    return {"mode": "lines", "line": line}


def _map_figure(chart: HeatMap) -> go.Figure:
    names = [_text(name) for name in chart.names]
    notes = [
        [f"{true} mistaken for {predicted}: {images:,}" for predicted, images in zip(names, row, strict=True)]
        for true, row in zip(names, chart.counts, strict=True)
    ]
    trace = {
        "type": "heatmap",
        "z": [list(row) for row in chart.fractions],
        "text": notes,
        "hoverinfo": "text",
        "colorscale": [[0, "rgba(0,0,0,0)"], [0.02, "#bcdbe4"], [1, LIGHT["accent"]]],
        "zmin": 0,
        "zmax": 1,
        "colorbar": {"tickformat": ".0%", "outlinewidth": 0, "thickness": 12},
    }
    axis = {
        "tickvals": list(range(len(names))),
        "ticktext": names,
        "tickfont": {"size": max(5, min(11, 500 // len(names)))},
        "ticks": "",
        "showgrid": False,
        "zeroline": False,
        "automargin": True,
    }
    layout = _layout(chart) | {
        "xaxis": axis | {"title": {"text": "predicted"}},
        "yaxis": axis | {"title": {"text": "true"}, "autorange": "reversed"},
    }
    return go.Figure(data=[trace], layout=layout)


def config_json() -> str:
    """Return plotly's settings as JSON."""
    return json.dumps(CONFIG)
