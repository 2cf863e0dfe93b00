"""Kinds of workers by name. To add one, write a module with an `open_workers` and an entry in `WORKER_KINDS`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WorkerKind:
    """One value of `--executor`."""

    help: str
    module: str
    """Has the function `open_workers`, see `search.workers.protocol.OpenWorkers`; imported when a search starts."""


WORKER_KINDS = {
    "ray": WorkerKind("processes on this machine, or on a Ray cluster", "search.workers.ray_backend.start"),
    "inline": WorkerKind("one training at a time, in this process", "search.workers.inline"),
}
