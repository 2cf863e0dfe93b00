"""What a table holds, and how early its scores tell something."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np

from benchmarks import bootstrap
from benchmarks.curves.table import Row, Trainings

_fewest = 8
"""Trainings below which a rank correlation says nothing."""


def show(trainings: Trainings) -> None:
    """Print what there is, then a table of rank correlations for each data set and number of epochs."""
    _print_counts(trainings)
    chosen = [rows for rows in trainings.values() if (rows[0]["state"], rows[0]["group"]) == ("complete", "random")]
    for data, epochs in dict.fromkeys((rows[0]["data"], len(rows)) for rows in chosen):
        by_kind: dict[str, list[list[Row]]] = {}
        for rows in chosen:
            if (rows[0]["data"], len(rows)) == (data, epochs):
                for kind in _kinds(rows):
                    by_kind.setdefault(kind, []).append(rows)
        if max(map(len, by_kind.values())) < _fewest:
            continue
        print(
            f"\n{data}, {epochs} epochs: rank correlation of random recipes' scores after an epoch with the last ones"
        )
        print(f"| recipes | n | averages | {' | '.join(f'epoch {epoch + 1}' for epoch in range(epochs - 1))} |")
        for kind, alike in sorted(by_kind.items()):
            if len(alike) >= _fewest:
                _print_correlations(kind, alike)


def _print_counts(trainings: Trainings) -> None:
    keys = ("data", "space", "group", "state")
    counts = Counter(tuple(rows[0][key] for key in keys) for rows in trainings.values())
    for key, count in sorted(counts.items()):
        seconds = [_seconds(rows) for rows in trainings.values() if tuple(rows[0][k] for k in keys) == key]
        print(f"{' '.join(key):45} {count:4} trainings, median {np.median(seconds):5.0f} s of a core")
    print(f"in all {len(trainings)} trainings, {sum(map(_seconds, trainings.values())) / 3600:.1f} hours of a core")


def _seconds(rows: list[Row]) -> float:
    return sum(float(row["cpu_seconds"] or 0.0) for row in rows)


def _kinds(rows: list[Row]) -> tuple[str, str]:
    parameters = json.loads(rows[0]["parameters"])
    norm = "with batch norm" if parameters.get("batch_norm", True) else "without batch norm"  # ResNets always have it
    return f"any schedule, {norm}", f"{parameters['schedule']}, {norm}"


def _print_correlations(kind: str, trainings: list[list[Row]]) -> None:
    columns = {"corrected": "val_accuracy", "as Keras keeps them": "val_accuracy_plain"}
    for words, column in columns.items():
        scores = np.array([[float(row[column]) for row in rows] for rows in trainings])
        if column == "val_accuracy" or kind.endswith("with batch norm"):  # without, both are the same
            cells = [bootstrap.rank_correlation(scores[:, [epoch, -1]]) for epoch in range(scores.shape[1] - 1)]
            print(f"| {kind} | {len(trainings)} | {words} | {' | '.join(cells)} |")
