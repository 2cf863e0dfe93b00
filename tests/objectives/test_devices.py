"""A worker's process is set up before any backend reads its settings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from objectives import devices
from objectives.gpus import MemoryShare

pytestmark = pytest.mark.slow


def _prepared(arguments: str, show: str) -> str:
    code = f"from objectives.devices import MemoryShare, prepare; prepare({arguments}); import os, sys; print({show})"
    environment = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return ended.stdout.strip() + ended.stderr


def test_a_worker_without_gpu_sees_none_and_keeps_to_its_threads() -> None:
    threads = "os.environ['TF_NUM_INTRAOP_THREADS'], os.environ['OMP_NUM_THREADS']"

    assert (
        _prepared(
            "threads=2, gpu=False", f"repr(os.environ['CUDA_VISIBLE_DEVICES']), {threads}, 'keras' in sys.modules"
        )
        == "'' 2 2 True"
    )


def test_a_worker_with_gpu_leaves_the_choice_of_device_and_threads() -> None:
    show = "'CUDA_VISIBLE_DEVICES' in os.environ, os.environ['TF_FORCE_GPU_ALLOW_GROWTH'], 'NPROC' in os.environ"

    assert _prepared("threads=None, gpu=True", show) == "False true False"


def test_a_process_that_only_trains_imports_no_package_for_wrappers_and_may_still_do_so() -> None:
    show = "'pandas' in sys.modules, 'sklearn' in sys.modules, __import__('pandas').__name__"

    assert _prepared("threads=1, gpu=False, only_trains=True", show) == "False False pandas"


_half = "MemoryShare(limit_bytes=6 * 2**30, total_bytes=24 * 2**30)"


def test_jax_gets_its_share_of_the_memory() -> None:
    show = "os.environ['XLA_CLIENT_MEM_FRACTION'], os.environ['XLA_PYTHON_CLIENT_PREALLOCATE']"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("KERAS_BACKEND", "jax")
        environment.setenv("XLA_PYTHON_CLIENT_MEM_FRACTION", ".9")
        assert _prepared(f"threads=1, gpu=True, share={_half}", show) == "0.2500 false"


def test_tensorflow_gets_its_share_of_the_memory_before_it_uses_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    from objectives.training import on_tensorflow

    limits: list[tuple[str, list[float]]] = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["GPU:0"])
    monkeypatch.setattr(
        tf.config,
        "set_logical_device_configuration",
        lambda device, configurations: limits.append((device, [one.memory_limit for one in configurations])),
    )
    on_tensorflow.limit_memory(6 * 2**30)
    assert limits == [("GPU:0", [6144])]


def test_pytorch_gets_its_share_of_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    fractions: list[float] = []
    cuda = SimpleNamespace(is_available=lambda: True, set_per_process_memory_fraction=fractions.append)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))  # type: ignore[arg-type]
    monkeypatch.setattr(devices.keras_settings, "backend", lambda: "torch")
    devices._limit_memory(MemoryShare(limit_bytes=6 * 2**30, total_bytes=24 * 2**30))
    assert fractions == [0.25]
