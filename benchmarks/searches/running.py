"""Searches in processes of their own, one after another."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.searches.plan import Plan
from benchmarks.searches.table import Table
from objectives.devices import prepare


def run(plan: Plan, seeds: Sequence[int], path: Path) -> None:
    """Do what the file lacks: all searches first, since their luck takes as long again."""
    for work in (_search, _try_luck):
        for seed in seeds:
            process = multiprocessing.get_context("spawn").Process(target=work, args=(plan, seed, path))
            process.start()  # one for each seed: what Keras leaks does not add up
            process.join()
            if process.exitcode:
                sys.exit(f"seed {seed} failed; run it again to go on")


def _search(plan: Plan, seed: int, path: Path) -> None:
    prepare(threads=1, gpu=False)  # before TensorFlow is imported
    from benchmarks.searches.searching import search_and_repeat

    with Table(path) as table:
        search_and_repeat(plan, seed, table)


def _try_luck(plan: Plan, seed: int, path: Path) -> None:
    prepare(threads=1, gpu=False)
    from benchmarks.searches.searching import try_luck

    with Table(path) as table:
        try_luck(plan, seed, table)
