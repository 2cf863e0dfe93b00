"""Seeds in processes of their own, one after another."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.searches.table import Row, parsed
from benchmarks.winners.plan import Plan
from objectives.devices import prepare


def run(plan: Plan, seeds: Sequence[int], searches: Sequence[Path]) -> None:
    """Do what the folder lacks; the first trials of earlier searches of as many epochs serve as searches."""
    earlier = [row for path in searches for row in parsed(path.read_text())]
    for seed in seeds:
        process = multiprocessing.get_context("spawn").Process(target=_run_seed, args=(plan, seed, earlier))
        process.start()  # one for each seed: what Keras leaks does not add up
        process.join()
        if process.exitcode:
            sys.exit(f"seed {seed} failed; run it again to go on")


def _run_seed(plan: Plan, seed: int, earlier: Sequence[Row]) -> None:
    prepare(threads=1, gpu=False)  # before TensorFlow is imported
    from benchmarks.winners.training import search_and_train

    search_and_train(plan, seed, earlier)
