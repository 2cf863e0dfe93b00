"""Divides the processors and GPUs of one or more machines among workers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from spaces.errors import UsageError

WORKER_BYTES = 2**30
"""About what a warm worker takes: Keras, TensorFlow and a small network (`benchmarks.memory`: 0.8 GiB)."""
LEAST_GPU_BYTES = 3 * 2**29
"""Below this share of a GPU no worker is started: CUDA's context and libraries take about 1 GiB of it."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Resources of one node of a cluster."""

    cpus: int
    gpus: int
    memory: int
    """Bytes that were free when Ray started there, less its object store."""
    gpu_bytes: int | None = None
    """Memory of its smallest GPU; None: unknown."""


@dataclass(frozen=True, kw_only=True)
class GpuUse:
    """How a search uses GPUs."""

    device: str = "auto"
    """A name in `search.settings.DEVICES`."""
    trials_per_gpu: int | None = None
    """None: as `--workers` has it, else one."""


DEFAULT_USE = GpuUse()


@dataclass(frozen=True, kw_only=True)
class Share:
    """What each worker gets."""

    workers: int
    cpus: float
    """Of Ray's processors; less than 1 where there are more workers than processors."""
    gpus: float
    """0: trained on processors; less than 1: several workers on one GPU."""

    @property
    def with_whole_gpu(self) -> Share:
        """The same with a GPU that no other worker uses."""
        return replace(self, gpus=1.0)

    @property
    def threads(self) -> int:
        """Processor threads for the arithmetic of one worker."""
        return max(1, int(self.cpus))


def machines_of(nodes: Sequence[Any], gpu_bytes: Mapping[str, int]) -> list[Machine]:
    """Return the nodes that are alive.

    Args:
        nodes: what `ray.nodes()` returns.
        gpu_bytes: by a node's id, the memory of its smallest GPU, where that is known.
    """
    alive = [(node, node["Resources"]) for node in nodes if node["Alive"]]
    return [
        Machine(
            cpus=int(has.get("CPU", 0)),
            gpus=int(has.get("GPU", 0)),
            memory=int(has.get("memory", 0)),
            gpu_bytes=gpu_bytes.get(node["NodeID"]),
        )
        for node, has in alive
    ]


def share_out(machines: Sequence[Machine], workers: int | None, wanted: GpuUse = DEFAULT_USE) -> Share:
    """Return the largest equal share with which all workers fit.

    Args:
        machines: the nodes; where one has a GPU, those without are left out.
        workers: how many; None: as many on each GPU as are `wanted`, or else one per processor, as memory allows.
        wanted: how GPUs are used.

    Raises:
        UsageError: there is no GPU but one is demanded, the numbers contradict each other, or a share is too small.
    """
    if wanted.device == "cpu":
        machines = [replace(machine, gpus=0) for machine in machines]
    with_gpu = [machine for machine in machines if machine.gpus]
    if wanted.device == "gpu" and not with_gpu:
        raise UsageError("invalid --device 'gpu': Ray finds no GPU; search on processors: --device cpu")
    used = with_gpu or machines
    cpus = [machine.cpus for machine in used]
    gpus = [machine.gpus for machine in used]
    if not with_gpu:
        roomy = [min(machine.cpus, machine.memory // WORKER_BYTES) for machine in used]
        # Each worker needs memory for Keras and a network, or the kernel kills them one after the other.
        count = workers or max(1, sum(roomy))
        return Share(workers=count, cpus=_each(cpus, count), gpus=0.0)
    count = workers or sum(gpus) * (wanted.trials_per_gpu or 1)
    to_one = math.ceil(count / sum(gpus))
    if wanted.trials_per_gpu not in (None, to_one):
        raise UsageError(
            f"invalid --workers {count} with --trials-per-gpu {wanted.trials_per_gpu}: {count} workers on "
            f"{_count(sum(gpus), 'GPU')} are {to_one} a GPU; give one of the two"
        )
    if to_one > 1:
        _refuse_small_shares(with_gpu, to_one)
    return Share(workers=count, cpus=_each(cpus, count), gpus=_each(gpus, count, most=1))


def _refuse_small_shares(machines: Sequence[Machine], to_one: int) -> None:
    for machine in machines:
        workers = f"{to_one} workers on each GPU"
        if machine.gpu_bytes is not None and machine.gpu_bytes / to_one < LEAST_GPU_BYTES:
            raise UsageError(
                f"{workers} leave {_gib(machine.gpu_bytes / to_one)} of its {_gib(machine.gpu_bytes)} to each; a "
                f"backend needs {_gib(LEAST_GPU_BYTES)} to start. At most {machine.gpu_bytes // LEAST_GPU_BYTES} fit: "
                "see --trials-per-gpu and --workers"
            )
        needed = to_one * machine.gpus * WORKER_BYTES
        if needed > machine.memory:
            raise UsageError(
                f"{workers} need {_gib(needed)} of their machine's memory, {_gib(WORKER_BYTES)} each, and "
                f"{_gib(machine.memory)} are free. At most {machine.memory // WORKER_BYTES // machine.gpus} fit: see "
                "--trials-per-gpu and --workers"
            )


def _gib(size: float) -> str:
    return f"{size / 2**30:.1f} GiB"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _each(amounts: Sequence[int], workers: int, *, most: int | None = None) -> float:
    """Return the largest whole amount, else the largest 1/k, that `workers` can each have on one machine."""
    for whole in range(most or max(amounts, default=0), 0, -1):
        if sum(amount // whole for amount in amounts) >= workers:
            return float(whole)
    to_one = math.ceil(workers / max(1, sum(amounts)))
    return math.floor(10_000 / to_one) / 10_000  # Ray counts in ten-thousandths, and rounds
