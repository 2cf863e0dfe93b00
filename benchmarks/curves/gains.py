"""What further trials would likely gain, compared with what they did gain: `python -m benchmarks.curves gains`.

For each data set and space, searches are replayed in random orders (see `simulation`), starts first. After so many
trials of the sampler's, the estimate of `reports.stored.expected_gain` is compared with how much the best complete
trial's score did rise with the following ones. Trials are drawn from the table without repetition, so estimates that
reach far into it must be too high: only those for at most half of the table's trainings are shown.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import optuna

from benchmarks.curves import table
from benchmarks.curves.replay import KINDS, curves_of, in_random_order
from benchmarks.curves.simulation import Curve, Ended, search
from reports.stored.expected_gain import FURTHER_TRIALS, ExpectedGain, expected_gain
from search.algorithms.pruners import make_pruner

AFTER = (10, 16, 24, 40, 60)
METRIC = "val_accuracy"


@dataclass(frozen=True, kw_only=True)
class _Trial:
    """What the estimate knows of a trial."""

    state: str
    score: float
    start: str | None
    baseline: None = None


def main(words: Sequence[str]) -> None:
    """Print a row for each pruner and number of trials, and one JSON object."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    arguments = _arguments(words)
    trainings = table.read(arguments.scratch) | table.read(arguments.table)
    found = {}
    for place, curves in curves_of(trainings, column=KINDS["corrected"], groups=arguments.groups).items():
        own = len({curve.recipe for curve in curves if not curve.is_start})
        after = [count for count in AFTER if 2 * (count + FURTHER_TRIALS) <= own]
        if after:
            print(f"{place}: {own} recipes beside the starts, {arguments.seeds} orders; gains in points")
            print("pruner      after  predicted  realised  correlation  above the limit  mean limit")
        for pruner in arguments.pruners if after else ():
            for count, pairs in compare(curves, pruner=pruner, after=after, seeds=arguments.seeds).items():
                found[f"{place}, {pruner}, {count}"] = _print(pruner, count, pairs)
    print(json.dumps(found))


def compare(
    curves: Sequence[Curve], *, pruner: str, after: Sequence[int], seeds: int
) -> dict[int, list[tuple[ExpectedGain, float]]]:
    """Return for each number of trials the estimates and what the following ones gained, one pair for each order."""
    epochs = max(len(curve.scores) for curve in curves)
    pairs: dict[int, list[tuple[ExpectedGain, float]]] = {count: [] for count in after}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(seeds):
            order = in_random_order(curves, seed)
            starts = sum(curve.is_start for curve in order)
            ends = search(
                order[: starts + max(after) + FURTHER_TRIALS],
                pruner=make_pruner(pruner, epochs),
                epochs=epochs,
                timeout_seconds=None,
                folder=Path(folder),
            )
            for count in after:
                estimate = expected_gain([_trial(one) for one in ends[: starts + count]], METRIC)
                if estimate is not None:
                    gained = _best(ends[: starts + count + FURTHER_TRIALS]) - _best(ends[: starts + count])
                    pairs[count].append((estimate, gained))
    return pairs


def _trial(one: Ended) -> _Trial:
    return _Trial(
        state="COMPLETE" if one.is_complete else "PRUNED",
        score=max(one.curve.scores[: one.epochs]),
        start="start" if one.curve.is_start else None,
    )


def _best(ends: Sequence[Ended]) -> float:
    return max(one.curve.final for one in ends if one.is_complete)


def _print(pruner: str, count: int, pairs: Sequence[tuple[ExpectedGain, float]]) -> dict[str, float]:
    predicted, upper, gained = (
        100 * np.array(values) for values in zip(*((one.mean, one.most, gain) for one, gain in pairs), strict=True)
    )
    above = float((gained > upper + 1e-9).mean())
    correlation = float(np.corrcoef(predicted, gained)[0, 1]) if gained.std() else float("nan")
    print(
        f"{pruner:10}  {count:5}  {predicted.mean():9.2f}  {gained.mean():8.2f}  {correlation:11.2f}  "
        f"{100 * above:13.0f} %  {upper.mean():10.2f}"
    )
    return {"predicted": float(predicted.mean()), "realised": float(gained.mean()), "above": above}


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.curves gains",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--scratch", type=Path, default=table.TABLE, help="trainings that the table lacks so far")
    parser.add_argument("--table", type=Path, default=table.TABLE)
    parser.add_argument("--seeds", type=int, default=200, help="random orders")
    parser.add_argument("--pruners", nargs="+", default=["none", "percentile", "curve"])
    parser.add_argument(
        "--groups", nargs="+", choices=("random", "start", "near"), default=["random", "start"], help="of trainings"
    )
    return parser.parse_args(words)
