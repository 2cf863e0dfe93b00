"""What a table holds, and how early its scores tell something."""

from __future__ import annotations

import json
import warnings
from collections import Counter

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ConstantInputWarning, spearmanr

from benchmarks.curves.table import Row, Trainings

_resamples = 1_000
_fewest = 8
"""Trainings below which a rank correlation says nothing."""


def show(trainings: Trainings) -> None:
    """Print both tables."""
    _print_counts(trainings)
    whole = [rows for rows in trainings.values() if rows[0]["state"] == "complete"]
    for data in dict.fromkeys(rows[0]["data"] for rows in whole):
        print(f"\n{data}: rank correlation of the score after an epoch with the last one's, corrected | plain")
        for kind in sorted({_kind(rows) for rows in whole}):
            chosen = [rows for rows in whole if rows[0]["data"] == data and _kind(rows) == kind]
            for epochs in sorted({len(rows) for rows in chosen}):
                alike = [rows for rows in chosen if len(rows) == epochs]
                if len(alike) >= _fewest:
                    print(f"  {kind}, {epochs} epochs, {len(alike)} trainings")
                    _print_correlations(alike, epochs)


def _print_counts(trainings: Trainings) -> None:
    keys = ("data", "space", "group", "state")
    counts = Counter(tuple(rows[0][key] for key in keys) for rows in trainings.values())
    for key, count in sorted(counts.items()):
        seconds = [_seconds(rows) for rows in trainings.values() if tuple(rows[0][k] for k in keys) == key]
        print(f"{' '.join(key):45} {count:4} trainings, median {np.median(seconds):5.0f} s of a core")
    print(f"in all {len(trainings)} trainings, {sum(map(_seconds, trainings.values())) / 3600:.1f} hours of a core")


def _seconds(rows: list[Row]) -> float:
    return sum(float(row["cpu_seconds"] or 0.0) for row in rows)


def _kind(rows: list[Row]) -> str:
    parameters = json.loads(rows[0]["parameters"])
    norm = parameters.get("batch_norm", True)  # residual networks always have it
    return f"{parameters['schedule']}, {'with' if norm else 'without'} batch norm"


def _print_correlations(trainings: list[list[Row]], epochs: int) -> None:
    for epoch in range(epochs - 1):
        cells = [
            correlation(np.array([[float(row[column]) for row in (rows[epoch], rows[-1])] for rows in trainings]))
            for column in ("val_accuracy", "val_accuracy_plain")
        ]
        print(f"    epoch {epoch + 1}: {' | '.join(cells)}")


def correlation(scores: NDArray[np.float64]) -> str:
    """Return Spearman's rank correlation of two columns, with a 95 % bootstrap interval over rows."""
    draw = np.random.default_rng(0)
    drawn = [_correlation(scores[draw.integers(len(scores), size=len(scores))]) for _ in range(_resamples)]
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return f"{_correlation(scores):.2f} [{low:.2f}..{high:.2f}]"


def _correlation(scores: NDArray[np.float64]) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConstantInputWarning)  # nan: all scores are equal
        return float(spearmanr(scores[:, 0], scores[:, 1]).statistic)
