"""Ray workers of this machine that train the networks of `tests.search.fixtures.odd_space`, faults included."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from objectives.messages import Objective, StudyData, TrainingTask
from search.workers.protocol import Event
from search.workers.ray_backend.session import RaySession
from search.workers.ray_backend.workers import RayWorkers
from spaces.catalogue import find_space
from spaces.recipe import Recipe

_space = find_space(str(Path(__file__).parents[2] / "search" / "fixtures" / "odd_space.py"))
_longest_seconds = 200


@contextmanager
def odd_workers(data: StudyData, folder: Path, **options: Any) -> Iterator[RayWorkers]:
    """Yield one idle worker; `options` are for `RayWorkers`."""
    session = RaySession.begin(log_file=folder / "log.txt", workers=1, modules=[_space.suggest.__module__])
    workers = RayWorkers(session=session, data=data, objective=Objective(metric="val_accuracy", epochs=2), **options)
    try:
        until_idle(workers)
        yield workers
    finally:
        workers.close()


def task(trial: int, *, fault: str = "", nodes: str = "") -> TrainingTask:
    """Return a training that meets a fault."""
    plain = {"network": {"type": "Odd", "fault": fault, "nodes": nodes}, "fit": {"learning_rate": 0.01}}
    return TrainingTask(trial=trial, recipe=Recipe.from_plain(plain), seed=trial)


def next_event(workers: RayWorkers) -> Event:
    """Wait for a message; the deadline only guards against hanging."""
    deadline = time.monotonic() + _longest_seconds
    while time.monotonic() < deadline:
        if (event := workers.next_event(1.0)) is not None:
            return event
    raise AssertionError(f"nothing happened for {_longest_seconds} seconds")


def until_idle(workers: RayWorkers) -> None:
    """Wait until the worker could take a task."""
    deadline = time.monotonic() + _longest_seconds
    while not workers.idle:
        assert time.monotonic() < deadline, "the worker does not get ready"
        workers.next_event(1.0)
