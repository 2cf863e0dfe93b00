"""What a process computes on, and why that is not a GPU."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from objectives import device_report, gpus
from objectives.device_report import Device, find_device, why_no_gpu

_l4 = gpus.Gpu(name="NVIDIA L4", memory_bytes=24 * 2**30, free_bytes=23 * 2**30, driver=(535, 129, 3))
_log = """WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
E0000 00:00:1795902619.886718   16007 cuda_dnn.cc:8310] Unable to register cuDNN factory: Attempting to register \
factory for plugin cuDNN when one has already been registered
W0000 00:00:1795902623.280110   16007 gpu_device.cc:2344] Cannot dlopen some GPU libraries. Skipping registering GPU \
devices...
I0000 00:00:1795902623.280110   16007 cpu_feature_guard.cc:227] This binary is optimized to use available instructions.
"""


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine with a driver and TensorFlow's libraries, where all should be well."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(device_report.keras_settings, "backend", lambda: "tensorflow")
    monkeypatch.setattr(device_report, "has_driver", lambda: True)
    monkeypatch.setattr(device_report, "visible_gpus", lambda: (_l4,))
    monkeypatch.setattr(device_report, "_is_installed", lambda module: True)
    return monkeypatch


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_hidden_gpus(machine: pytest.MonkeyPatch, hidden: str) -> None:
    machine.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert why_no_gpu() == (
        f"TensorFlow sees no GPU: CUDA_VISIBLE_DEVICES is {hidden!r}, which hides all; unset CUDA_VISIBLE_DEVICES"
    )


def test_a_machine_without_driver(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(device_report, "has_driver", lambda: False)
    assert why_no_gpu() == (
        "TensorFlow sees no GPU: this machine has no NVIDIA driver; install it, or search on processors: --device cpu"
    )


@pytest.mark.parametrize(
    ("backend", "reported"),
    [
        (
            "tensorflow",
            "TensorFlow's CUDA libraries are not installed; pip install -c constraints.txt -e '.[gpu]'",
        ),
        (
            "jax",
            "JAX is installed for processors, without CUDA; pip install -c constraints.txt -e '.[jax-gpu]'",
        ),
    ],
)
def test_an_extra_that_is_not_installed(machine: pytest.MonkeyPatch, backend: str, reported: str) -> None:
    machine.setattr(device_report.keras_settings, "backend", lambda: backend)
    machine.setattr(device_report, "_is_installed", lambda module: False)
    assert why_no_gpu().partition(" sees no GPU: ")[2] == reported


def test_pytorch_for_processors(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(device_report.keras_settings, "backend", lambda: "torch")
    machine.setitem(sys.modules, "torch", SimpleNamespace(version=SimpleNamespace(cuda=None)))  # type: ignore[arg-type]
    assert why_no_gpu().startswith(
        "PyTorch sees no GPU: PyTorch is installed for processors, without CUDA; pip install"
    )


def test_an_old_driver(machine: pytest.MonkeyPatch) -> None:
    old = gpus.Gpu(name="Tesla K80", memory_bytes=12 * 2**30, free_bytes=0, driver=(470, 57, 2))
    machine.setattr(device_report, "visible_gpus", lambda: (old,))
    assert why_no_gpu() == (
        "TensorFlow sees no GPU: the NVIDIA driver 470.57.2 is too old; update it to 525.60.13 or later, or search on "
        "processors: --device cpu"
    )


def test_what_tensorflow_itself_wrote_is_kept(machine: pytest.MonkeyPatch) -> None:
    assert why_no_gpu(_log).endswith(
        '(TensorFlow: "Cannot dlopen some GPU libraries. Skipping registering GPU devices...")'
    )


def test_a_gpu_as_the_backend_sees_it(machine: pytest.MonkeyPatch) -> None:
    machine.setitem(device_report._looking, "tensorflow", lambda: ("NVIDIA L4", "8.9"))
    machine.setattr(device_report, "_use_gpu", lambda: None)
    device = find_device(gpu=True)
    assert (device.kind, device.problem) == ("gpu", None)
    assert device.in_words.startswith("NVIDIA L4 (24.0 GiB, compute capability 8.9), float32, tensorflow ")


def test_a_share_of_a_gpu_is_named(machine: pytest.MonkeyPatch) -> None:
    machine.setitem(device_report._looking, "tensorflow", lambda: ("NVIDIA L4", "8.9"))
    machine.setattr(device_report, "_use_gpu", lambda: None)
    device = find_device(gpu=True, share=gpus.MemoryShare(limit_bytes=8 * 2**30, total_bytes=24 * 2**30))
    assert device.in_words.startswith("NVIDIA L4 (24.0 GiB, limited to 8.0 GiB, compute capability 8.9), float32, ")


@pytest.mark.slow
def test_a_gpu_without_memory_is_found_when_it_is_first_used(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    def full(shape: object) -> None:
        raise RuntimeError("CUDA runtime implicit initialization on GPU:0 failed. Status: out of memory")

    device_report._use_gpu()
    monkeypatch.setattr(keras.ops, "ones", full)
    with pytest.raises(gpus.GpuFullError, match="out of GPU memory"):
        device_report._use_gpu()


@pytest.mark.parametrize(("share", "limit_gib"), [(0.5, 11.5), (0.25, 5.5)])
def test_each_of_several_processes_gets_its_part_less_what_cuda_takes(
    monkeypatch: pytest.MonkeyPatch, share: float, limit_gib: float
) -> None:
    monkeypatch.setattr(gpus, "visible_gpus", lambda: (_l4,))
    limit = gpus.memory_share(share)
    assert limit is not None
    assert (limit.limit_bytes / 2**30, limit.fraction) == (limit_gib, limit_gib / 24)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_process_with_a_whole_gpu_or_none_has_no_limit(monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    monkeypatch.setattr(gpus, "visible_gpus", lambda: (_l4,))
    assert gpus.memory_share(share) is None


def _looks(monkeypatch: pytest.MonkeyPatch, free_gib: list[float]) -> list[float]:
    """Let each look at the GPU find so much free memory, the last for ever; return what the looks found."""
    found: list[float] = []

    def look() -> tuple[gpus.Gpu, ...]:
        found.append(free_gib[min(len(found), len(free_gib) - 1)])
        return (gpus.Gpu(name="L4", memory_bytes=24 * 2**30, free_bytes=int(found[-1] * 2**30), driver=(535,)),)

    monkeypatch.setattr(gpus, "visible_gpus", look)
    monkeypatch.setattr(gpus, "_look_seconds", 0.0)
    return found


def test_a_process_waits_until_the_one_before_has_left_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    found = _looks(monkeypatch, [1.0, 1.0, 12.0, 24.0])
    gpus.await_room(gpus.MemoryShare(limit_bytes=11 * 2**30, total_bytes=24 * 2**30))
    assert found == [1.0, 1.0, 12.0]


def test_for_a_whole_gpu_it_waits_until_most_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    found = _looks(monkeypatch, [1.0, 12.0, 23.0])
    gpus.await_room(None)
    assert found == [1.0, 12.0, 23.0]


def test_it_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    found = _looks(monkeypatch, [1.0])
    gpus.await_room(None, wait_seconds=0.05)
    assert set(found) == {1.0}


def test_a_process_without_gpu_has_no_problem(machine: pytest.MonkeyPatch) -> None:
    device = find_device(gpu=False)
    assert (device.kind, device.problem, device.capability) == ("cpu", None, None)
    assert device.in_words.startswith("processor ")


def test_the_driver_is_asked_for_the_gpus_that_are_visible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text('#!/bin/sh\necho "$@" > "$0.called"\necho "NVIDIA L4, 23034, 22500, 535.129.03"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    (gpu,) = gpus.visible_gpus()
    assert (gpu.name, gpu.memory_bytes, gpu.free_bytes, gpu.driver) == (
        "NVIDIA L4", 23034 * 2**20, 22500 * 2**20, (535, 129, 3)
    )  # fmt: skip
    assert "--id=3" in (tmp_path / "nvidia-smi.called").read_text()


@pytest.mark.parametrize("answer", ["exit 9", "echo No devices were found"])
def test_a_driver_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{answer}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert gpus.visible_gpus() == ()


def test_words_of_a_device_that_is_hardly_known() -> None:
    device = Device(kind="gpu", name="METAL", backend="jax 0.10.2", precision="float32")
    assert device.in_words == "METAL, float32, jax 0.10.2"


@pytest.fixture(autouse=True)
def _unchanged(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(device_report, "_looking", dict(device_report._looking))
