"""What a chart is, before anyone paints it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Tone = Literal["ink", "muted", "rule", "quiet", "accent", "contrast"]
Mark = Literal["line", "dashed", "steps", "points", "crosses"]
Size = Literal["wide", "half", "small"]

LIGHT: Mapping[Tone, str] = MappingProxyType(
    {
        "ink": "#1c2024",
        "muted": "#666b70",
        "rule": "#e3e1dc",
        "quiet": "#a9adb2",
        "accent": "#0b6e8a",
        "contrast": "#c2410c",
    }
)
"""Blue-green and burnt orange: distinct for colour-blind readers, and by their lightness in grey."""
DARK: Mapping[Tone, str] = MappingProxyType(
    {
        "ink": "#e9e7e2",
        "muted": "#a0a5ab",
        "rule": "#33373c",
        "quiet": "#666c73",
        "accent": "#5cc5de",
        "contrast": "#ffa066",
    }
)


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One direction of a chart."""

    title: str
    is_log: bool = False
    is_fraction: bool = False
    """Labelled in percent."""
    is_whole: bool = False
    """Whole numbers only: epochs, trials."""
    ticks: tuple[tuple[float, str], ...] | None = None
    """(place, label) of each tick; None: chosen by the painter."""
    limits: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class Series:
    """Points of one kind; a line breaks where y is None."""

    label: str
    x: tuple[float | None, ...]
    y: tuple[float | None, ...]
    mark: Mark
    tone: Tone
    notes: tuple[str, ...] | None = None
    """What to say of each point; None: its coordinates."""
    opacity: float = 1.0
    is_thick: bool = False
    is_named: bool = True
    """Whether the legend lists it."""


@dataclass(frozen=True, kw_only=True)
class Named:
    """What every chart has."""

    name: str
    """Unique in the page: letters, digits and dashes."""
    title: str
    alternative: str
    """The chart in a sentence or two, for screen readers."""


@dataclass(frozen=True, kw_only=True)
class Chart(Named):
    """Some series over two axes."""

    x: Axis
    y: Axis
    series: tuple[Series, ...]
    size: Size = "wide"


@dataclass(frozen=True, kw_only=True)
class HeatMap(Named):
    """A matrix of fractions as colours: true class by row, predicted class by column."""

    names: tuple[str, ...]
    fractions: tuple[tuple[float, ...], ...]
    counts: tuple[tuple[int, ...], ...]
    size: Size = "wide"


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One cell of a grid of charts."""

    note: str
    """What stands in its corner."""
    series: tuple[Series, ...]


@dataclass(frozen=True, kw_only=True)
class Panels(Named):
    """Small charts in rows and columns, all over the same two axes."""

    x: Axis
    y: Axis
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[Panel, ...], ...]
    """cells[row][column]"""
    size: Literal["panels"] = "panels"


Drawing = Chart | HeatMap | Panels
"""Whatever can be painted."""
