"""What a Ray worker process runs: a training station that is warmed up before the data comes."""

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

from objectives.devices import prepare
from objectives.messages import (
    Checkpoint,
    EpochReport,
    Objective,
    StudyData,
    TrainingFailure,
    TrainingResult,
    TrainingTask,
    WinnerMeasured,
)
from search.workers.ray_backend.crash_log import keep
from search.workers.trainer import TrainingStation, warm_up


@dataclass(frozen=True, kw_only=True)
class SourceModule:
    """A person's module as it travels to a worker, with the network types and builders it defines."""

    name: str
    file: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a worker is."""

    node: str
    """Ray's id of its node."""
    address: str
    port: int
    """At which the node's own server listens."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What a training left, and what its process held for itself at its end."""

    result: TrainingResult
    resident_bytes: int
    """Without what it shares with other processes."""


class WorkerActor:
    """One worker; `RayWorkers` makes an actor of it. Calls are served one after the other."""

    def __init__(self) -> None:
        self._station: TrainingStation | None = None

    def warm_up(
        self,
        *,
        threads: int,
        gpu: bool,
        modules: Sequence[SourceModule],
        scratch: str | None,
        last_words: str | None = None,
    ) -> None:
        """Import Keras and a person's modules.

        Args:
            threads: processor threads for the arithmetic.
            gpu: whether to train on the GPU that Ray gave.
            modules: a person's own.
            scratch: folder for temporary files, which a killed worker leaves behind; None: the usual one.
            last_words: file for what a dying worker has to say; None: nobody could read it.
        """
        if last_words is not None:
            keep(Path(last_words))
        if scratch is not None:
            tempfile.tempdir = os.environ["TMPDIR"] = scratch
        prepare(threads=threads, gpu=gpu, only_trains=True)
        for module in modules:
            _import(module)
        warm_up()
        gc.collect()
        gc.freeze()  # a million objects of the libraries, which Keras would have looked through before each training

    def hold(self, warm: None, *, data: StudyData, objective: Objective) -> Place:
        """Keep the data; `warm` is what `warm_up` returned, so that its error comes here too."""
        import ray

        here = ray.get_runtime_context()
        self._station = TrainingStation(data=data, objective=objective, is_halted=here.is_canceled)
        (node,) = [node for node in ray.nodes() if node["NodeID"] == here.get_node_id()]
        return Place(node=node["NodeID"], address=node["NodeManagerAddress"], port=node["NodeManagerPort"])

    def start(self, task: TrainingTask) -> EpochReport | TrainingFailure | None:
        """Train the first epoch of a task, or the one after its checkpoint."""
        return self._at_station.start(task)

    def advance(self) -> EpochReport | TrainingFailure | None:
        """Train one more epoch, unless this call is cancelled meanwhile."""
        return self._at_station.advance()

    def checkpoint(self) -> Checkpoint | TrainingFailure:
        """Return what is needed to go on from here."""
        return self._at_station.checkpoint()

    def pause(self) -> Checkpoint | TrainingFailure:
        """End the training for now."""
        return self._at_station.pause()

    def halt(self) -> Checkpoint | TrainingFailure | None:
        """End the training for now, after a call was cancelled."""
        return self._at_station.halt()

    def finish(self, *, keep_model: bool) -> Finished | TrainingFailure:
        """End the training."""
        memory = psutil.Process().memory_info()
        ended = self._at_station.finish(keep_model=keep_model)
        if isinstance(ended, TrainingFailure):
            return ended
        return Finished(result=ended, resident_bytes=int(memory.rss - getattr(memory, "shared", 0)))

    def measure(self, model: bytes) -> WinnerMeasured | TrainingFailure:
        """Predict the test images."""
        return self._at_station.measure(model)

    @property
    def _at_station(self) -> TrainingStation:
        if self._station is None:
            raise RuntimeError("the worker has no data yet")
        return self._station


def _import(module: SourceModule) -> None:
    """Make a module importable under its name: from this machine's own files, else from its source."""
    folder = str(Path(module.file).parent)
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
