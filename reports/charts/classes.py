"""Charts of one classifier's predictions, made from a report's values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from reports.charts.spec import Axis, Chart, HeatMap, Series
from reports.classifier.calibration import Calibration
from reports.wording import count, percent


def reliability_chart(found: Calibration) -> Chart:
    """Accuracy against confidence: on the diagonal, the network is calibrated."""
    notes = tuple(
        f"{count(one.images, 'image')}: confidence {percent(one.confidence)}, accuracy {percent(one.accuracy)}"
        for one in found.bins
    )
    points = Series(
        label="this network",
        x=tuple(one.confidence for one in found.bins),
        y=tuple(one.accuracy for one in found.bins),
        mark="points",
        tone="accent",
        notes=notes,
    )
    return Chart(
        name="reliability",
        title="Confidence against accuracy",
        alternative=". ".join(notes),
        x=Axis(title="probability of the predicted class", is_fraction=True, limits=(0.0, 1.0)),
        y=Axis(title="accuracy", is_fraction=True, limits=(0.0, 1.02)),
        series=(
            Series(label="perfectly calibrated", x=(0.0, 1.0), y=(0.0, 1.0), mark="dashed", tone="quiet"),
            replace(points, mark="line", notes=None, is_named=False),
            points,
        ),
        size="half",
    )


def confusion_map(counts: NDArray[np.int32], classes: tuple[str, ...]) -> HeatMap:
    """The confusion matrix as colours, for more classes than a table of numbers can show."""
    fractions = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return HeatMap(
        name="confusion",
        title="Confusion matrix",
        alternative=f"True class by row, predicted class by column, {len(classes)} classes.",
        names=classes,
        fractions=tuple(tuple(row) for row in np.round(fractions, 4).tolist()),
        counts=tuple(tuple(row) for row in counts.tolist()),
    )
