"""The templates of our pages: where they lie, and what they may call."""

from __future__ import annotations

import functools
from importlib import resources

import jinja2

from reports import wording
from reports.classifier.intervals import paired_test_name
from reports.findings.confirmed import decisive, seeds_in_words, verdict
from reports.pages.parts import probability_bars, recipe_rows
from reports.pages.pictures import png, tiled
from reports.stored.outcome import refit_words


def asset(name: str) -> str:
    """Return the text of a file beside the templates."""
    return (resources.files("reports.pages") / "templates" / name).read_text()


def _percent(fraction: float | None, digits: int = 1) -> str:
    return _on_one_line(wording.percent(fraction, digits))


def _score(value: float | None, metric: str) -> str:
    return _on_one_line(wording.score(value, metric))


def _interval(ends: tuple[float, float], metric: str) -> str:
    return wording.interval(ends, metric).replace(" %", _on_one_line(" %"))


def _on_one_line(number: str) -> str:
    """Keep a number and its unit together where a line ends."""
    return number.replace(" ", "\N{NO-BREAK SPACE}")


@functools.cache
def environment() -> jinja2.Environment:
    """Return the templates' surroundings: everything is escaped, and a name that is not known is an error."""
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [jinja2.PackageLoader("reports.pages", folder) for folder in ("templates", "sections")]
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": _percent,
        "duration": wording.duration,
        "value": wording.value,
        "label": wording.label,
        "count": wording.count,
        "p_value": wording.p_value,
        "signed": wording.signed,
        "png": png,
        "tiled": tiled,
    }
    environment.globals |= {
        "score": _score,
        "distance": wording.distance,
        "gain": wording.gain,
        "interval": _interval,
        "metric_name": wording.metric_name,
        "name_on_test": wording.name_on_test,
        "paired_test_name": paired_test_name,
        "recipe_rows": recipe_rows,
        "refit_words": refit_words,
        "bars": probability_bars,
        "decisive": decisive,
        "seeds_in_words": seeds_in_words,
        "verdict": verdict,
    }
    return environment
