"""Opens workers on Ray (see `search.workers.start.open_workers`); imported without Ray."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from objectives.messages import Objective, StudyData
from search.settings import RunSettings
from search.system.signals import Stopped
from search.workers.placement import GpuUse
from search.workers.protocol import WorkerFactory, Workers
from search.workers.ray_backend.session import RaySession
from spaces.space import Space


@contextmanager
def open_workers(
    settings: RunSettings, *, space: Space, log_file: Path, note: Callable[[str], None]
) -> Iterator[WorkerFactory]:
    """Start or join Ray in the background, and yield what makes the workers.

    Raises:
        UsageError: nothing listens at `--ray-address`, or the environment would leave a cluster of our own open.
    """
    session = RaySession.begin(
        log_file=log_file,
        workers=settings.workers,
        address=settings.ray_address,
        modules=() if space.module.startswith("spaces.") else (space.module,),
        is_insecure=settings.insecure_ray,
        note=note,
        gpu_use=GpuUse(device=settings.device, trials_per_gpu=settings.trials_per_gpu),
    )

    def make(*, data: StudyData, objective: Objective, is_halted: Callable[[int], bool]) -> Workers:
        # Importing Ray takes a second, which the session's thread has begun to spend.
        from search.workers.ray_backend.workers import RayWorkers

        return RayWorkers(session=session, data=data, objective=objective, wait_seconds=settings.cluster_wait_seconds)

    may_wait = True
    try:
        yield make
    except Stopped as stopped:
        may_wait = not stopped.is_at_once
        raise
    finally:
        session.close(may_wait=may_wait)
