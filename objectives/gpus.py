"""What the NVIDIA driver reports of the GPUs, without a backend."""

from __future__ import annotations

import ctypes.util
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from spaces.errors import TamizError

CONTEXT_BYTES = 2**29
"""What CUDA's context and libraries take of a GPU's memory in each process, beside what the backend allocates."""
_seconds = 20
_look_seconds = 0.5
_mostly_free = 0.8


class GpuFullError(TamizError):
    """A process found no memory on its GPU when it first used it."""


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """One GPU, as the driver sees it now."""

    name: str
    memory_bytes: int
    free_bytes: int
    driver: tuple[int, ...]
    """Version of the driver: (535, 129, 3)."""


def has_driver() -> bool:
    """Whether the driver of NVIDIA is installed."""
    is_loaded = Path("/proc/driver/nvidia/version").exists() or ctypes.util.find_library("cuda") is not None
    return is_loaded or shutil.which("nvidia-smi") is not None


def list_gpus(visible: str | None) -> tuple[Gpu, ...]:
    """Return the GPUs with these numbers or names, separated by commas, or all; () where the driver does not answer."""
    fields = "name,memory.total,memory.free,driver_version"
    query = ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader,nounits"]
    try:
        output = subprocess.run(
            query if visible is None else [*query, f"--id={visible}"],
            capture_output=True,
            text=True,
            timeout=_seconds,
            check=True,
        ).stdout
        return tuple(_gpu_of(line) for line in output.splitlines() if line.strip())
    except (OSError, subprocess.SubprocessError, ValueError):
        return ()


def visible_gpus() -> tuple[Gpu, ...]:
    """Return the GPUs that this process may use: those in CUDA_VISIBLE_DEVICES, or all."""
    return list_gpus(os.environ.get("CUDA_VISIBLE_DEVICES"))


def smallest_gpu() -> int | None:
    """Return the memory of this machine's smallest GPU; None: unknown."""
    return min((gpu.memory_bytes for gpu in list_gpus(None)), default=None)


@dataclass(frozen=True, kw_only=True)
class MemoryShare:
    """What a process may allocate of a GPU."""

    limit_bytes: int
    total_bytes: int

    @property
    def fraction(self) -> float:
        """Of the GPU's memory."""
        return self.limit_bytes / self.total_bytes


def memory_share(gpus: float) -> MemoryShare | None:
    """Return the limit of a process that has this share of a GPU; None: it has no limit, or the memory is unknown."""
    known = visible_gpus() if 0.0 < gpus < 1.0 else ()
    if not known:
        return None
    total = known[0].memory_bytes
    return MemoryShare(limit_bytes=int(total * gpus) - CONTEXT_BYTES, total_bytes=total)


def await_room(share: MemoryShare | None, *, wait_seconds: float = 20.0) -> None:
    """Wait until this process's GPU has room for its share, or most of its memory is free.

    The driver frees the memory of a process some time after its end (ray-project/ray, issues 11608 and 18299).
    """
    until = time.monotonic() + wait_seconds
    while known := visible_gpus():
        needed = share.limit_bytes if share is not None else known[0].memory_bytes * _mostly_free
        if known[0].free_bytes >= needed or time.monotonic() >= until:
            return
        time.sleep(_look_seconds)


def _gpu_of(line: str) -> Gpu:
    name, total, free, driver = (part.strip() for part in line.rsplit(",", 3))
    version = tuple(int(number) for number in driver.split("."))
    return Gpu(name=name, memory_bytes=int(total) * 2**20, free_bytes=int(free) * 2**20, driver=version)
