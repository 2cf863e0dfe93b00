"""Divides the processors and GPUs of one or more machines among workers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

WORKER_BYTES = 2**30
"""About what a warm worker takes: Keras, TensorFlow and a small network (`benchmarks.memory`: 0.8 GiB)."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Resources of one node of a cluster."""

    cpus: int
    gpus: int
    memory: int
    """Bytes that were free when Ray started there, less its object store."""


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


def machines_of(nodes: Sequence[Any]) -> list[Machine]:
    """Return the nodes that are alive, from what `ray.nodes()` returns."""
    resources = [node["Resources"] for node in nodes if node["Alive"]]
    return [
        Machine(cpus=int(has.get("CPU", 0)), gpus=int(has.get("GPU", 0)), memory=int(has.get("memory", 0)))
        for has in resources
    ]


def share_out(machines: Sequence[Machine], workers: int | None) -> Share:
    """Return the largest equal share with which all workers fit.

    Args:
        machines: the nodes; where one has a GPU, those without are left out.
        workers: how many; None: one per GPU, or else one per processor, as memory allows.
    """
    with_gpu = [machine for machine in machines if machine.gpus]
    used = with_gpu or machines
    cpus = [machine.cpus for machine in used]
    gpus = [machine.gpus for machine in used]
    roomy = [min(machine.cpus, machine.memory // WORKER_BYTES) for machine in used]
    # Each worker needs memory for Keras and a network, or the kernel kills them one after the other.
    wanted = workers or max(1, sum(gpus) or sum(roomy))
    return Share(workers=wanted, cpus=_each(cpus, wanted), gpus=_each(gpus, wanted, most=1) if with_gpu else 0.0)


def _each(amounts: Sequence[int], workers: int, *, most: int | None = None) -> float:
    """Return the largest whole amount, else the largest 1/k, that `workers` can each have on one machine."""
    for whole in range(most or max(amounts, default=0), 0, -1):
        if sum(amount // whole for amount in amounts) >= workers:
            return float(whole)
    to_one = math.ceil(workers / max(1, sum(amounts)))
    return math.floor(10_000 / to_one) / 10_000  # Ray counts in ten-thousandths, and rounds
