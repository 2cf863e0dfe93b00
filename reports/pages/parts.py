"""What templates need besides text: drawn charts, recipes and probabilities."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from reports import wording
from reports.charts.plotly import figure_json, height_of
from reports.charts.spec import Drawing
from reports.charts.svg import picture
from reports.classifier.mistakes import Look
from reports.stored.run import Trial


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One chart, ready for the page."""

    name: str
    title: str
    alternative: str
    size: str
    height: int
    """In CSS pixels."""
    still: str
    """Data address of its picture."""
    data: Markup | None
    """Plotly's JSON, safe inside a script element; None: the picture is all there is."""


def figure_of(chart: Drawing, *, is_lite: bool) -> Figure:
    """Draw one chart; lite, as a picture alone."""
    return Figure(
        name=chart.name,
        title=chart.title,
        alternative=chart.alternative,
        size=chart.size,
        height=height_of(chart),
        still=picture(chart),
        data=None if is_lite else in_script(figure_json(chart)),
    )


def in_script(text: str) -> Markup:
    """JSON that can stand inside a script element: nothing in it can end the element."""
    for came, becomes in (
        ("<", "\\u003c"),
        (">", "\\u003e"),
        ("&", "\\u0026"),
        ("\u2028", "\\u2028"),
        ("\u2029", "\\u2029"),
    ):
        text = text.replace(came, becomes)
    return Markup(text)


def recipe_rows(trial: Trial) -> list[tuple[str, str]]:
    """Return a recipe as (path, value) lines: "network stages 1 filters", "32"."""
    return [(wording.label(path), wording.value(came)) for path, came in _leaves(trial.recipe, "")]


def _leaves(plain: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(plain, dict):
        for key, item in plain.items():
            yield from _leaves(item, f"{path} {key}".strip())
    elif isinstance(plain, list):
        for place, item in enumerate(plain, start=1):
            yield from _leaves(item, f"{path} {place}")
    elif plain is not None:
        yield path, plain


def probability_bars(look: Look, classes: tuple[str, ...]) -> list[tuple[str, float, bool]]:
    """Return (class, probability, is true class): all of ten classes, of more the likeliest and the true."""
    order = list(range(len(classes)))
    if len(classes) > 10:
        likely = look.probabilities.argsort()[::-1][:5].tolist()
        order = [*likely, *([] if look.true in likely else [look.true])]
    return [(classes[c], float(look.probabilities[c]), c == look.true) for c in order]
