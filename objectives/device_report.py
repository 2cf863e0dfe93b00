"""The device that this process's backend computes on, and why that is not a GPU where the process was given one."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from objectives import keras_settings
from objectives.devices import captured_stderr, prepare
from objectives.gpus import GpuFullError, MemoryShare, has_driver, visible_gpus

_oldest_driver = (525, 60, 13)  # for any CUDA 12: its release notes, "minor version compatibility"
_titles = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
_install = {
    "tensorflow": "pip install -c constraints.txt -e '.[gpu]'",
    "jax": "pip install -c constraints.txt -e '.[jax-gpu]'",
    "torch": "pip install --force-reinstall torch, see https://pytorch.org/get-started",
}
_on_processors = "or search on processors: --device cpu"
_own_line = re.compile(r"GPU|cuInit|CUDA", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Device:
    """What the backend of a worker's process computes on, as that backend sees it."""

    kind: Literal["gpu", "cpu"]
    name: str
    """The model of the GPU or of the processor."""
    backend: str
    """With its version: "tensorflow 2.21.0"."""
    precision: str
    """Of weights and arithmetic: "float32"."""
    memory_bytes: int | None = None
    """All of the GPU's; None: a processor, or unknown."""
    limit_bytes: int | None = None
    """What this process may allocate of it; None: all."""
    capability: str | None = None
    """CUDA's compute capability, such as "8.0"; None: not a GPU of NVIDIA."""
    node: str = field(default_factory=platform.node)
    """The machine's name."""
    problem: str | None = None
    """Why it is a processor although the process was given a GPU, and what to do; None: it was not."""

    @property
    def in_words(self) -> str:
        """For example "NVIDIA L4 (22.5 GiB, compute capability 8.9), float32, tensorflow 2.21.0"."""
        has = [] if self.memory_bytes is None else [f"{self.memory_bytes / 2**30:.1f} GiB"]
        has += [] if self.limit_bytes is None else [f"limited to {self.limit_bytes / 2**30:.1f} GiB"]
        has += [] if self.capability is None else [f"compute capability {self.capability}"]
        name = self.name if self.kind == "gpu" else f"processor {self.name}"
        return ", ".join([f"{name} ({', '.join(has)})" if has else name, self.precision, self.backend])


def find_device(*, gpu: bool, native: str = "", share: MemoryShare | None = None) -> Device:
    """Ask the backend, after `objectives.devices.prepare`.

    Args:
        gpu: whether this process was given a GPU.
        native: what the backend wrote while it was imported.
        share: of the GPU's memory, to which `prepare` has limited this process; None: it has not.

    Raises:
        GpuFullError: the GPU has no memory left.
    """
    name = keras_settings.backend()
    with captured_stderr() as written:
        seen = _looking[name]() if gpu else None
    backend = f"{name} {importlib.metadata.version(name)}"
    if seen is None:
        problem = why_no_gpu(native + written[0]) if gpu else None
        return Device(kind="cpu", name=_processor(), backend=backend, precision="float32", problem=problem)
    _use_gpu()
    (model, capability), known = seen, visible_gpus()
    return Device(
        kind="gpu",
        name=model,
        backend=backend,
        precision="float32",
        memory_bytes=known[0].memory_bytes if known else None,
        limit_bytes=None if share is None else share.limit_bytes,
        capability=capability,
    )


def _use_gpu() -> None:
    """Let the backend allocate memory for the first time; raises GpuFullError where there is none."""
    import keras

    from objectives.training.failures import classify

    try:
        keras.ops.convert_to_numpy(keras.ops.matmul(keras.ops.ones((8, 8)), keras.ops.ones((8, 8))))
    except Exception as error:
        failure = classify(error, 0)
        if failure.cause != "gpu_oom":
            raise
        raise GpuFullError(failure.message) from error


def _on_tensorflow() -> tuple[str, str | None] | None:
    from objectives.training import on_tensorflow

    return on_tensorflow.first_gpu()


def _on_jax() -> tuple[str, str | None] | None:
    import jax

    device = jax.devices()[0]
    return None if device.platform == "cpu" else (str(device.device_kind), getattr(device, "compute_capability", None))


def _on_torch() -> tuple[str, str | None] | None:
    torch = importlib.import_module("torch")
    if not torch.cuda.is_available():
        return None
    return torch.cuda.get_device_name(0), ".".join(map(str, torch.cuda.get_device_capability(0)))


_looking: dict[str, Callable[[], tuple[str, str | None] | None]] = {
    "tensorflow": _on_tensorflow,
    "jax": _on_jax,
    "torch": _on_torch,
}
"""By backend, what returns the name and the compute capability of its first GPU; None: it sees none."""


def why_no_gpu(native: str = "") -> str:
    """Return why the backend sees no GPU, and what to do: one line.

    Args:
        native: what the backend itself wrote.
    """
    name = keras_settings.backend()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and visible.strip() in ("", "-1", "NoDevFiles"):
        cause = f"CUDA_VISIBLE_DEVICES is {visible!r}, which hides all; unset CUDA_VISIBLE_DEVICES"
    elif not has_driver():
        cause = f"this machine has no NVIDIA driver; install it, {_on_processors}"
    elif (line := _lacks_libraries(name)) is not None:
        cause = f"{line}; {_install[name]}"
    elif known := [gpu.driver for gpu in visible_gpus() if gpu.driver < _oldest_driver]:
        has, needed = (".".join(map(str, version)) for version in (known[0], _oldest_driver))
        cause = f"the NVIDIA driver {has} is too old; update it to {needed} or later, {_on_processors}"
    else:
        cause = f"the reason is not known; compare nvidia-smi with python -m search doctor, {_on_processors}"
    own = _own_reason(native)
    return f"{_titles[name]} sees no GPU: {cause}" + (f' ({_titles[name]}: "{own}")' if own else "")


def _own_reason(native: str) -> str | None:
    """Return the last line about GPUs in what a backend wrote, without its time and place."""
    lines = [line.rpartition("] ")[2].strip() for line in native.splitlines() if _own_line.search(line)]
    # TensorFlow registers its factories twice, and complains about that on every machine.
    lines = [line for line in lines if "factory" not in line]
    return lines[-1][:200] if lines else None


def _lacks_libraries(backend: str) -> str | None:
    """Return which libraries for GPUs are not installed beside a backend; None: none that is known."""
    if backend == "tensorflow":
        return None if _is_installed("nvidia.cudnn") else "TensorFlow's CUDA libraries are not installed"
    if backend == "jax":
        plugins = ("jax_cuda12_plugin", "jax_cuda13_plugin")
        return None if any(map(_is_installed, plugins)) else "JAX is installed for processors, without CUDA"
    torch = importlib.import_module("torch")
    return "PyTorch is installed for processors, without CUDA" if torch.version.cuda is None else None


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the package around it
        return False


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, "") or platform.machine()


def main() -> None:
    """Print the device that a new process would compute on, as JSON."""
    device = find_device(gpu=True, native=prepare(threads=None, gpu=True, only_trains=True))
    sys.stdout.write(json.dumps(asdict(device)))


if __name__ == "__main__":
    main()
