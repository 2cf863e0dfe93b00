"""The table of curves: its columns, and how it is read and written.

One row an epoch. Its columns:

- `training`: the position in `benchmarks.curves.plan.planned()`, from 0
- `data`, `space`, `group` (`random`, `start` or `near`: a few parameters away from a start or baseline)
- `recipe`: a hash, the same for the same recipe trained with other seeds
- `parameters`: as JSON; empty but in a training's first row
- `weights`: of the network
- `seed`, `epochs`: of the whole training
- `epoch`: from 1
- `val_accuracy`: with corrected running averages, as a search measures it
- `val_accuracy_plain`: with running averages as Keras keeps them, after the same steps
- `val_macro_f1`, `val_loss`: on the same validation images, with corrected averages
- `accuracy`, `loss`: on training images, mean over the epoch
- `cpu_seconds`: the process' time for this epoch and its validation, without the second one for the plain averages;
  building and tracing count to the first epoch
- `state`: of the training: `complete` or `failed`

A failed training ends with a row for the epoch in which it failed, whose measurements are empty.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.curves.plan import planned
from objectives.files.atomic import write_whole

TABLE = Path(__file__).with_name("curves.csv.gz")
COLUMNS = (
    "training", "data", "space", "group", "recipe", "parameters", "weights", "seed", "epochs", "epoch",
    "val_accuracy", "val_accuracy_plain", "val_macro_f1", "accuracy", "loss", "val_loss", "cpu_seconds", "state",
)  # fmt: skip
_MEASURED = {name: {"val_macro_f1": "macro_f1"}.get(name, name) for name in COLUMNS[COLUMNS.index("val_accuracy") : -1]}
"""The column of each metric."""
Row = Mapping[str, str]
"""A text for each column."""
Trainings = dict[int, list[Row]]
"""The rows of whole trainings, by number, epoch by epoch."""


def read(path: Path) -> Trainings:
    """Return what a `.csv` or `.csv.gz` file holds; nothing where it does not exist.

    A training whose rows are not all there, because the process that wrote them was killed, is left out.
    """
    if not path.exists():
        return {}
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    found: Trainings = {}
    for row in csv.DictReader(io.StringIO(text), fieldnames=COLUMNS):
        if not row["training"].isdecimal():  # the header
            continue
        if row["epoch"] == "1":
            found[int(row["training"])] = []
        found[int(row["training"])].append(row)
    return {number: rows for number, rows in found.items() if _is_whole(rows)}


def _is_whole(rows: list[Row]) -> bool:
    last = rows[-1]
    ends = len(rows) == int(last["epochs"]) if last["state"] == "complete" else not last["val_accuracy"]
    return ends and [int(row["epoch"]) for row in rows] == [*range(1, len(rows) + 1)]


def rows_for(number: int, measured: Sequence[Mapping[str, float]], *, weights: int, state: str) -> list[Row]:
    """Return the rows of a training.

    Args:
        number: of the training.
        measured: metrics by their names in `objectives.messages.EpochReport`, and the other two columns, by epoch.
        weights: 0: unknown, since it failed before.
        state: "complete" or "failed".
    """
    training = planned()[number]
    epochs = [*measured, {}] if state == "failed" else measured
    return [
        {
            "training": str(number),
            "data": training.data,
            "space": training.space,
            "group": training.group,
            "recipe": training.recipe_hash,
            "parameters": json.dumps(training.parameters, separators=(",", ":")) if epoch == 1 else "",
            "weights": str(weights or ""),
            "seed": str(training.seed),
            "epochs": str(training.epochs),
            "epoch": str(epoch),
            **{name: _text(values.get(of, "")) for name, of in _MEASURED.items()},
            "state": state,
        }
        for epoch, values in enumerate(epochs, 1)
    ]


def _text(value: float | str) -> str:
    return f"{value:.6g}" if isinstance(value, float) else value


def lines(rows: Iterable[Row]) -> str:
    """Return rows as CSV, without a header."""
    text = io.StringIO()
    csv.DictWriter(text, COLUMNS, lineterminator="\n").writerows(rows)
    return text.getvalue()


def write(path: Path, trainings: Trainings) -> None:
    """Write a `.csv.gz` file as a whole; the same rows make the same bytes."""
    rows = [row for _, rows in sorted(trainings.items()) for row in rows]
    text = ",".join(COLUMNS) + "\n" + lines(rows)
    write_whole(path, gzip.compress(text.encode(), mtime=0))


def collect(scratch: Path, table: Path = TABLE) -> Trainings:
    """Add the trainings of a scratch file to the table, and return all; those in the table stay as they are."""
    trainings = read(scratch) | read(table)
    write(table, trainings)
    return trainings
