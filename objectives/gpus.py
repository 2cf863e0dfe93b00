"""What the NVIDIA driver reports of the GPUs, without a backend."""

from __future__ import annotations

import ctypes.util
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_seconds = 20


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


def visible_gpus() -> tuple[Gpu, ...]:
    """Return the GPUs that this process may use, those in CUDA_VISIBLE_DEVICES; () where the driver does not answer."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
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


def _gpu_of(line: str) -> Gpu:
    name, total, free, driver = (part.strip() for part in line.rsplit(",", 3))
    version = tuple(int(number) for number in driver.split("."))
    return Gpu(name=name, memory_bytes=int(total) * 2**20, free_bytes=int(free) * 2**20, driver=version)
