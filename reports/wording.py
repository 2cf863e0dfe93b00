"""Numbers, durations and names in words."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from objectives.evaluation.metrics import METRICS

# Measured on the training images of each epoch, so not among the metrics that a search can optimise.
_training_metrics = {"loss": "training loss", "accuracy": "training accuracy"}
missing = "–"


def metric_name(metric: str) -> str:
    """Return a metric's name in words."""
    if metric in METRICS:
        return METRICS[metric].title
    return _training_metrics.get(metric, metric.replace("_", " "))


def name_on_test(metric: str) -> str:
    """Return the name in words of a metric on the test images: "test accuracy" of `val_accuracy` or `accuracy`."""
    known = metric if metric in METRICS else f"val_{metric}"
    return f"test {metric_name(known).removeprefix('validation ')}"


def is_fraction(metric: str) -> bool:
    """Whether a metric lies between 0 and 1 and reads best in percent."""
    return METRICS[metric].is_fraction if metric in METRICS else "loss" not in metric


def percent(fraction: float | None, digits: int = 1) -> str:
    """0.9783 -> "97.8 %"."""
    return missing if fraction is None or not math.isfinite(fraction) else f"{100 * fraction:.{digits}f} %"


def signed(difference: float) -> str:
    """0.0314 -> "+0.031"; what rounds to nothing has no sign."""
    text = f"{difference:+.3f}".replace("-", "−")
    return text[1:] if text[1:] == "0.000" else text


def points(difference: float) -> str:
    """0.031 -> "+3.1 points": a difference of two percentages."""
    return f"{100 * difference:+.1f} points".replace("-", "−")


def score(value: float | None, metric: str) -> str:
    """A score in the unit of its metric."""
    if value is None or not math.isfinite(value):
        return missing
    return percent(value, 2) if is_fraction(metric) else f"{value:.4f}"


def interval(ends: tuple[float, float], metric: str) -> str:
    """(0.9, 0.95) -> "90.0 % to 95.0 %", in the unit of a metric."""
    low, high = (percent(end) if is_fraction(metric) else f"{end:.4f}" for end in ends)
    return f"{low} to {high}"


def gain(value: float, over: float, metric: str) -> str:
    """How far one score is from another."""
    return points(value - over) if is_fraction(metric) else f"{value - over:+.4f}".replace("-", "−")


def distance(value: float, over: float, metric: str) -> str:
    """Where one score lies from another: "3.1 points above"."""
    if value == over:
        return "level with"
    size = f"{100 * abs(value - over):.1f} points" if is_fraction(metric) else f"{abs(value - over):.4f}"
    return f"{size} {'above' if value > over else 'below'}"


def count(number: int, thing: str) -> str:
    """1 -> "1 image"; 1200 -> "1,200 images"."""
    if number == 1:
        return f"1 {thing}"
    plural = f"{thing[:-1]}ies" if thing.endswith("y") else f"{thing}es" if thing.endswith(("s", "x")) else f"{thing}s"
    return f"{number:,} {plural}"


def duration(seconds: float | None) -> str:
    """61.2 -> "1 min 1 s"; a unit of which there are none is left out: 3600 -> "1 h"."""
    if seconds is None or not math.isfinite(seconds):
        return missing
    if seconds < 10:
        return f"{f'{seconds:.1f}'.removesuffix('.0')} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [
        f"{hours:,} h" if hours else "",
        f"{minutes} min" if minutes else "",
        f"{rest} s" if rest and not hours else "",
    ]
    return " ".join(filter(None, parts))


def value(came: Any) -> str:
    """A parameter's value: short, and the same for the same value."""
    if isinstance(came, bool):
        return "yes" if came else "no"
    if isinstance(came, float):
        return f"{came:.3g}" if math.isfinite(came) else missing
    if came is None:
        return "none"
    return came if isinstance(came, str) else f"{came:,}" if isinstance(came, int) else json.dumps(came)


def label(name: str) -> str:
    """`learning_rate` -> "learning rate"."""
    return name.replace("_", " ")


def listing(names: Sequence[str], *, most: int) -> str:
    """["a", "b", "c"] -> "a, b and c"; beyond `most`, "and n more"."""
    shown = list(names[:most])
    rest = len(names) - len(shown)
    if rest:
        return f"{', '.join(shown)} and {rest} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def p_value(chance: float) -> str:
    """0.0004 -> "p < 0.001"."""
    return "p < 0.001" if chance < 0.001 else f"p = {chance:.3f}" if chance < 0.1 else f"p = {chance:.2f}"
