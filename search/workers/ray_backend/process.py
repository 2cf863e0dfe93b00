"""The process of one worker: a Ray actor that imports Keras at once, and when it is replaced by a new one."""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from objectives.gpus import smallest_gpu
from search.system.own_packages import ROOT
from search.workers.placement import Share
from search.workers.ray_backend.actor import SourceModule, WorkerActor
from search.workers.ray_backend.crash_log import CrashLog, oom_kills

_gib = 2**30
_asking_seconds = 20.0


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
    share: Share,
    *,
    modules: Sequence[SourceModule],
    scratch: Path | None,
    crash_log: Path | None,
    is_replacement: bool = False,
) -> WorkerProcess:
    """Start an actor and let it import Keras and `modules`; returns at once.

    Args:
        share: processors and GPUs that it gets.
        modules: the user's own.
        scratch: folder for its temporary files; None: the usual one.
        crash_log: file for its crash log; None: it is on another machine.
        is_replacement: whether the process before it may still hold memory of its GPU.
    """
    import ray

    actor = (
        ray.remote(WorkerActor)
        .options(num_cpus=share.cpus, num_gpus=share.gpus, max_restarts=0, max_task_retries=0)
        .remote()
    )
    warm = actor.warm_up.remote(
        threads=share.threads,
        gpus=share.gpus,
        modules=modules,
        scratch=None if scratch is None else str(scratch),
        crash_log=None if crash_log is None else str(crash_log),
        is_replacement=is_replacement,
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


def packages_to_send(working_folder: str) -> dict[str, Any]:
    """Return Ray's settings of a joined cluster, whose workers get this program's packages.

    Without `job_settings`: Ray uploads no packages for a job that it takes for a client's. It puts the driver's
    working folder before them, unless another is named.
    """
    packages = [str(ROOT / name) for name in ("spaces", "objectives", "search")]
    return {"py_modules": packages, "working_dir": working_folder}


def gpu_bytes(nodes: Sequence[Any]) -> dict[str, int]:
    """Return the memory of each node's smallest GPU by the node's id; nodes that do not tell are left out."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    ask = ray.remote(num_cpus=0)(smallest_gpu)
    asked = {}
    for node in nodes:
        if node["Alive"] and node["Resources"].get("GPU"):
            there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            asked[node["NodeID"]] = ask.options(scheduling_strategy=there).remote()
    found: dict[str, int] = {}
    for name, answer in asked.items():
        with contextlib.suppress(ray.exceptions.RayError):  # no answer in time is one too
            if (size := ray.get(answer, timeout=_asking_seconds)) is not None:
                found[name] = size
    return found
