"""What a Ray worker's process runs: a `Trainer` that is warmed up before the data arrive."""

from __future__ import annotations

import gc
import importlib
import os
import sys
import tempfile
import types
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from objectives.device_report import Device, find_device
from objectives.devices import prepare
from objectives.gpus import await_room, memory_share
from objectives.messages import Objective, StudyData, TrainingFailure, TrainingResult
from search.workers.ray_backend import crash_log as crash_logs
from search.workers.trainer import Trainer, warm_up


@dataclass(frozen=True, kw_only=True)
class SourceModule:
    """A user's module as it travels to a worker, with the network types and builders that it defines."""

    name: str
    file: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Place:
    """The node on which a worker runs."""

    node: str
    """Ray's id of it."""
    address: str
    port: int
    """On which the node's own server listens."""
    gpus: tuple[str, ...] = ()
    """Ray's ids of its GPUs on that node, of which it has a part or one."""
    device: Device | None = None
    """What it computes on."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """Reply: the result of a training, and the memory of its process."""

    result: TrainingResult
    resident_bytes: int
    """Without memory that it shares with other processes."""


class WorkerActor(Trainer):
    """One worker; `search.workers.ray_backend.process` makes an actor of it. Calls are served in order."""

    def __init__(self) -> None:
        """Start empty: the trainer needs the data, which `hold` brings after `warm_up`."""

    def warm_up(
        self,
        *,
        threads: int,
        gpus: float,
        modules: Sequence[SourceModule],
        scratch: str | None,
        crash_log: str | None = None,
        is_replacement: bool = False,
    ) -> Device:
        """Import Keras and the user's modules, and ask the backend for its device.

        Args:
            threads: processor threads for the arithmetic.
            gpus: share of the GPU that Ray assigned, of whose memory it gets as much; 0: none.
            modules: the user's own.
            scratch: folder for temporary files, which a killed worker leaves behind; None: the usual one.
            crash_log: file for the crash log of this process; None: the driver is on another machine.
            is_replacement: wait until the GPU has room again, which a process that has just ended may still hold.

        Raises:
            GpuFullError: the GPU has no memory left; another process may find some later.
        """
        if crash_log is not None:
            crash_logs.enable(Path(crash_log))
        if scratch is not None:
            tempfile.tempdir = os.environ["TMPDIR"] = scratch
        share = memory_share(gpus)
        if gpus and is_replacement:
            await_room(share)
        native = prepare(threads=threads, gpu=gpus > 0, only_trains=True, share=share)
        device = find_device(gpu=gpus > 0, native=native, share=share)
        if device.problem is not None:
            sys.stderr.write(native)  # to the log
        for module in modules:
            _import(module)
        warm_up()
        gc.collect()
        gc.freeze()  # a million objects of the libraries, which Keras would scan before each training
        return device

    def hold(self, warm: Device, *, data: StudyData, objective: Objective) -> Place:
        """Keep the data; `warm` is the result of `warm_up`, so that its error is raised here too."""
        import ray

        here = ray.get_runtime_context()
        super().__init__(data=data, objective=objective, is_halted=here.is_canceled)
        (node,) = [node for node in ray.nodes() if node["NodeID"] == here.get_node_id()]
        return Place(
            node=node["NodeID"],
            address=node["NodeManagerAddress"],
            port=node["NodeManagerPort"],
            gpus=tuple(here.get_accelerator_ids().get("GPU", ())),
            device=warm,
        )

    def finish_and_weigh(self, *, keep_model: bool) -> Finished | TrainingFailure:
        """End the training and return its best epoch, with the memory that this process holds."""
        memory = psutil.Process().memory_info()
        ended = self.finish(keep_model=keep_model)
        if isinstance(ended, TrainingFailure):
            return ended
        return Finished(result=ended, resident_bytes=int(memory.rss - getattr(memory, "shared", 0)))


def _import(module: SourceModule) -> None:
    """Make a module importable under its name: from this machine's own files, else from its source."""
    folder = str(Path(module.file).parents[module.name.count(".")])
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as error:
        if error.name is None or not (module.name == error.name or module.name.startswith(error.name + ".")):
            raise
        made = types.ModuleType(module.name)
        made.__file__ = module.file
        sys.modules[module.name] = made
        exec(compile(module.source, module.file, "exec"), made.__dict__)
