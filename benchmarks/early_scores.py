"""Ways to measure a network with batch norm during training: how early its score tells something, at what cost.

    python -m benchmarks.early_scores [--data digits fashion_mnist] [--recipes 12] [--batches 8] [--file scores.jsonl]

Random recipes of `cnn_cifar` with batch norm, the first of `benchmarks.curves.plan`, are trained once each. After each
epoch they are measured on the validation images with running averages as Keras keeps them, with averages corrected
after the first epoch (`objectives.training.running_averages`, what a search does), and with statistics that are
recomputed on a few training batches ("precise batch norm", Wu and Johnson 2021), whose images are augmented or not. The
tables have Spearman's rank correlation between the score after an epoch and the last one, with a 95 % bootstrap
interval over recipes, the mean score, and the processor time of correcting and of recomputing. Trainings in the file
are not repeated.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import bootstrap
from benchmarks.curves.plan import DATA, planned
from objectives.devices import prepare

WAYS = {
    "plain": "as Keras keeps them",
    "corrected": "corrected",
    "precise_augmented": "recomputed on augmented images",
    "precise": "recomputed on images as they are",
}


def main() -> None:
    """Train what the file lacks, then print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.early_scores")
    parser.add_argument("--data", nargs="+", choices=tuple(DATA), default=["digits", "fashion_mnist"])
    parser.add_argument("--recipes", type=int, default=12)
    parser.add_argument("--batches", type=int, default=8)
    parser.add_argument("--file", type=Path, default=Path("scores.jsonl"))
    given = parser.parse_args()
    prepare(threads=1, gpu=False)
    rows = [json.loads(line) for line in given.file.read_text().splitlines()] if given.file.exists() else []
    done = {row["training"] for row in rows}
    with given.file.open("a") as file:
        for number in [number for data in given.data for number in _numbers(data)[: given.recipes]]:
            if number not in done:
                rows.append(_row(number, batches=given.batches))
                file.write(json.dumps(rows[-1]) + "\n")
                file.flush()
    for data in given.data:
        _print(data, [row for row in rows if row["data"] == data and row["epochs"]])


def _numbers(data: str) -> list[int]:
    """Return the trainings of random recipes with batch norm, in their order."""
    return [
        number
        for number, training in enumerate(planned())
        if (training.data, training.space, training.group) == (data, "cnn_cifar", "random")
        and training.parameters["batch_norm"]
    ]


def _row(number: int, *, batches: int) -> dict[str, Any]:
    from benchmarks.curves.precise import epochs_of  # TensorFlow, which must find the number of threads

    return {"training": number, "data": planned()[number].data, "epochs": epochs_of(number, batches=batches)}


def _print(data: str, rows: Sequence[dict[str, Any]]) -> None:
    print(f"{data}: {len(rows)} recipes with batch norm; rank correlation with the last score, mean score")
    for way, words in WAYS.items():
        scores = np.array([[epoch[way] for epoch in row["epochs"]] for row in rows])
        for epoch in range(scores.shape[1]):
            correlation, mean = bootstrap.rank_correlation(scores[:, [epoch, -1]]), 100 * scores[:, epoch].mean()
            print(f"  averages {words}, epoch {epoch + 1}: {correlation}, {mean:.1f} %")
    later = [epoch for row in rows for epoch in row["epochs"][1:]]  # the first one's time is tracing
    for name, seconds in (("correction, once", "correcting_seconds"), ("recomputation, each", "recomputing_seconds")):
        low, middle, high = np.percentile([epoch[seconds] / epoch["seconds"] for epoch in later], [10, 50, 90])
        print(f"  {name}: {middle:.3f} [{low:.3f}..{high:.3f}] of an epoch's processor time, 10 % to 90 % of epochs")


if __name__ == "__main__":
    main()
