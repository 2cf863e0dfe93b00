"""The process of one worker: a Ray actor that imports Keras at once, and when it is replaced by a new one."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search.system.own_packages import ROOT
from search.workers.ray_backend.actor import SourceModule, WorkerActor
from search.workers.ray_backend.crash_log import CrashLog, oom_kills
from search.workers.ray_backend.placement import Share

_gib = 2**30


@dataclass(frozen=True, kw_only=True)
class RecyclePolicy:
    """When a worker's process is replaced between two trainings."""

    trainings: int = 200
    """After this many."""
    growth_fraction: float = 0.5
    """Its memory may grow by this fraction of what it was after the first training,"""
    growth_bytes: int = _gib // 2
    """and by this much in any case: networks differ."""
    least_trainings: int = 10
    """Growth counts only after this many: a new process takes seconds to start."""

    def reason(self, trainings: int, *, first_bytes: int, now_bytes: int) -> str | None:
        """Return why a process should be replaced now, if it should.

        Args:
            trainings: that it has done.
            first_bytes: its own memory after the first of them.
            now_bytes: its own memory now.
        """
        if trainings >= self.trainings:
            return f"it has done {trainings} trainings"
        allowed = max(self.growth_bytes, int(self.growth_fraction * first_bytes))
        if trainings >= self.least_trainings and now_bytes - first_bytes > allowed:
            return (
                f"its memory grew from {first_bytes / _gib:.2f} to {now_bytes / _gib:.2f} GiB in {trainings} trainings"
            )
        return None


@dataclass(frozen=True, kw_only=True, eq=False)
class WorkerProcess:
    """A process that imports Keras, or has done so."""

    actor: Any
    """Handle of a `WorkerActor`."""
    warm: Any
    """ObjectRef that is ready once Keras is imported."""
    crash_log: Path | None = None
    """Its `search.workers.ray_backend.crash_log`, if it runs on this machine."""
    oom_kills_before: int = 0
    """Processes that the kernel had killed for lack of memory when this one was started."""

    @property
    def log(self) -> CrashLog | None:
        """Its crash log as it is now; None: it is on another machine."""
        return None if self.crash_log is None else CrashLog.read(self.crash_log)

    @property
    def was_short_of_memory(self) -> bool:
        """Whether the kernel killed processes of this machine for lack of memory since it was started."""
        return self.crash_log is not None and oom_kills() > self.oom_kills_before


def start_process(
    share: Share, *, modules: Sequence[SourceModule], scratch: Path | None, crash_log: Path | None
) -> WorkerProcess:
    """Start an actor and let it import Keras and `modules`; returns at once.

    Args:
        share: processors and GPUs that it gets.
        modules: the user's own.
        scratch: folder for its temporary files; None: the usual one.
        crash_log: file for its crash log; None: it is on another machine.
    """
    import ray

    actor = (
        ray.remote(WorkerActor)
        .options(num_cpus=share.cpus, num_gpus=share.gpus, max_restarts=0, max_task_retries=0)
        .remote()
    )
    warm = actor.warm_up.remote(
        threads=share.threads,
        gpu=share.gpus > 0,
        modules=modules,
        scratch=None if scratch is None else str(scratch),
        crash_log=None if crash_log is None else str(crash_log),
    )
    return WorkerProcess(actor=actor, warm=warm, crash_log=crash_log, oom_kills_before=oom_kills())


def source_of(name: str) -> SourceModule:
    """Return an imported module as it travels to a worker."""
    module = sys.modules[name]
    return SourceModule(name=name, file=str(Path(inspect.getfile(module)).resolve()), source=inspect.getsource(module))


def job_settings() -> Any:
    """Return Ray's settings for workers that do not look for modules in the driver's working folder first."""
    from ray.job_config import JobConfig

    config = JobConfig()
    config._client_job = True  # Ray would put that folder before all others, where a `reports` may lie
    if Path.cwd() == ROOT:
        config._py_driver_sys_path.append(str(ROOT))
    return config
