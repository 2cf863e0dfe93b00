"""The table of a training's epochs, as `history.csv` holds it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from objectives.messages import EpochReport


def history_csv(reports: Sequence[EpochReport]) -> str:
    """Return a table with a row an epoch: epoch, seconds, score and each metric."""
    text = io.StringIO()
    names = list(reports[0].metrics) if reports else []
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["epoch", "seconds", "score", *names])
    for report in reports:
        table.writerow([report.epoch, report.seconds, report.score, *(report.metrics[name] for name in names)])
    return text.getvalue()
