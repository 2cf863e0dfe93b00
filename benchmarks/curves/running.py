"""Trains what a table lacks, one training after another, on one processor core."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from benchmarks.curves import table
from benchmarks.curves.plan import planned
from benchmarks.curves.table import Row
from spaces.errors import TamizError, UsageError

TRAININGS_OF_A_PROCESS = 40
"""Before it is replaced by a fresh one, so that what it may leak does not add up."""


def missing(scratch: Path, stored: Path, data: Collection[str]) -> list[int]:
    """Return the numbers of the trainings on these data that neither file holds, in their order.

    Raises:
        UsageError: a file holds other trainings than those planned: the spaces have changed since.
    """
    there = table.read(scratch) | table.read(stored)
    for number, rows in there.items():
        if number >= len(planned()) or rows[0]["recipe"] != planned()[number].recipe_hash:
            raise UsageError(f"training {number} is of a recipe that is not planned any more; begin other files")
    return [n for n, training in enumerate(planned()) if n not in there and training.data in data]


def train(
    scratch: Path,
    *,
    stored: Path,
    data: Collection[str],
    limit: int | None = None,
    seconds: float | None = None,
    rows_of: Callable[[int], list[Row]] | None = None,
) -> None:
    """Train what is missing, and append each training's rows to `scratch` as it ends.

    A training whose process dies is recorded as failed.

    Args:
        scratch: a `.csv` file, made where there is none; only one process at a time may write it.
        stored: the table collected so far.
        data: names of the data sets.
        limit: so many trainings; None: all.
        seconds: begin none later than this; None: whenever.
        rows_of: what trains; None: `benchmarks.curves.measuring.rows_of`.
    """
    until = time.monotonic() + seconds if seconds is not None else None
    scratch.parent.mkdir(parents=True, exist_ok=True)
    with scratch.open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"another process writes {scratch}") from None
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)  # a kill may have cut the last line short
        trainer = _Trainer(rows_of)
        for number in missing(scratch, stored, data)[:limit]:
            if until is not None and time.monotonic() > until:
                break
            begun = time.monotonic()
            try:
                rows = trainer.rows_of(number)
            except TamizError as error:  # its images are missing
                print(f"{number}: {error}", file=sys.stderr, flush=True)
                continue
            file.write(table.lines(rows).encode())
            file.flush()
            os.fsync(file.fileno())
            last = rows[-1]
            names = f"{last['data']} {last['space']} {last['group']}"
            score = last["val_accuracy"] or last["state"]
            print(f"{number} {names} {score} {time.monotonic() - begun:.0f} s", flush=True)


class _Trainer:
    """A process that trains, replaced now and then, and whenever it died."""

    def __init__(self, rows_of: Callable[[int], list[Row]] | None) -> None:
        self._rows_of = rows_of or _rows_of
        self._pool = self._new_pool()

    def rows_of(self, number: int) -> list[Row]:
        try:
            return self._pool.submit(self._rows_of, number).result()
        except BrokenProcessPool:
            self._pool = self._new_pool()
            return table.rows_for(number, [], weights=0, state="failed")

    def _new_pool(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            max_workers=1,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_end_with_the_parent,
            max_tasks_per_child=TRAININGS_OF_A_PROCESS,
        )


def _end_with_the_parent() -> None:
    """End this process when its parent does, even by a kill, so that a resumed run is not beside it."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _rows_of(number: int) -> list[Row]:
    """Train in a process of its own, whose settings must be there before Keras is imported."""
    from objectives.devices import prepare

    prepare(threads=1, gpu=False)
    from benchmarks.curves.measuring import rows_of

    return rows_of(number)
