"""What is reported of the workers' devices, and which of them are refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from objectives.device_report import Device
from search.workers.devices import DevicesInUse
from search.workers.protocol import WorkerReady
from spaces.errors import UsageError

_gpu = Device(kind="gpu", name="NVIDIA L4", backend="jax 0.10.2", precision="float32", capability="8.9", node="a")
_cpu = Device(kind="cpu", name="X", backend="jax 0.10.2", precision="float32", node="b", problem="JAX sees no GPU: ...")


def test_each_device_is_reported_once() -> None:
    devices = DevicesInUse()
    lines = [devices.add(WorkerReady(worker=worker, device=_gpu)) for worker in range(3)]
    assert lines == [["trains on NVIDIA L4 (compute capability 8.9), float32, jax 0.10.2"], [], []]
    assert devices.of(2) == _gpu
    assert devices.of(3) is None


def test_a_gpu_that_is_not_seen_is_a_warning() -> None:
    lines = DevicesInUse().add(WorkerReady(worker=0, device=_cpu))
    assert lines == ["trains on processor X, float32, jax 0.10.2", "warning: JAX sees no GPU: ..."]


def test_where_gpus_are_demanded_it_is_an_error() -> None:
    devices = DevicesInUse("gpu")
    devices.add(WorkerReady(worker=0, device=_gpu))
    with pytest.raises(UsageError) as refused:
        devices.add(WorkerReady(worker=1, device=_cpu))
    assert str(refused.value) == "invalid --device 'gpu': JAX sees no GPU: ..."


def test_machines_with_different_backends_are_refused_by_name() -> None:
    devices = DevicesInUse()
    devices.add(WorkerReady(worker=0, device=_gpu))
    with pytest.raises(UsageError) as refused:
        devices.add(WorkerReady(worker=1, device=replace(_cpu, backend="tensorflow 2.20.0")))
    assert str(refused.value) == (
        "the workers have different backends: jax 0.10.2 on a, tensorflow 2.20.0 on b; install the same on all machines"
    )
