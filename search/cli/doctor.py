"""What this machine has for a search: versions, devices, memory, disk, data, a storage round trip."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from objectives import keras_settings
from objectives.device_report import Device
from search.system.own_packages import ROOT
from spaces.errors import TamizError, first_line
from spaces.records import from_plain, parse

PACKAGES = (
    "tamiz", "keras", "tensorflow", "jax", "torch", "optuna", "optuna-dashboard", "ray", "numpy", "pandas",
    "scikit-learn", "pillow", "plotly", "SQLAlchemy", "psycopg", "pymysql",
)  # fmt: skip
_gib = 2**30


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What was found; holds no user, host or folder names."""

    system: str
    python: str
    cores: int
    """That this process may use."""
    memory_gib: float
    memory_free_gib: float
    gpus: tuple[str, ...]
    """Name and memory of each NVIDIA GPU."""
    device: str
    """What Keras' backend computes on in a process of its own."""
    no_gpu: str | None
    """Why that is not a GPU, and what to do; None: it is one."""
    disk_free_gib: float
    """Where study folders go."""
    runs: str
    """"writable", or why not."""
    storage: str
    """"works", or what the round trip failed with."""
    data: Mapping[str, str]
    """Directory with datasets, and what is in it."""
    versions: Mapping[str, str]
    backend: str

    def lines(self) -> list[str]:
        """Return the findings as aligned text."""
        rows = {
            "system": self.system,
            "python": self.python,
            "cores": str(self.cores),
            "memory": f"{self.memory_gib:.1f} GiB, {self.memory_free_gib:.1f} GiB free",
            "GPUs": ", ".join(self.gpus) or "none",
            "device": self.device,
            **({} if self.no_gpu is None else {"no GPU": self.no_gpu}),
            "disk": f"{self.disk_free_gib:.1f} GiB free",
            "runs folder": self.runs,
            "storage": self.storage,
            **{f"data in {place}": names for place, names in self.data.items()},
            "Keras backend": self.backend,
            **self.versions,
        }
        width = max(map(len, rows))
        return [f"{name:{width}}  {value}" for name, value in rows.items()]


def examine(runs: str) -> Findings:
    """Look at this machine; takes as long as Keras' import, trains nothing and starts no Ray."""
    memory = psutil.virtual_memory()
    device, no_gpu = _device()
    place = _nearest_existing(Path(runs))
    return Findings(
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=f"{platform.python_version()} ({platform.python_implementation()})",
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_gib=round(memory.total / _gib, 1),
        memory_free_gib=round(memory.available / _gib, 1),
        gpus=_gpus(),
        device=device,
        no_gpu=no_gpu,
        disk_free_gib=round(shutil.disk_usage(place).free / _gib, 1),
        runs="writable" if os.access(place, os.W_OK) else "not writable",
        storage=_storage_round_trip(place),
        data=_data(),
        versions=_versions(),
        backend=keras_settings.backend(),
    )


def _nearest_existing(path: Path) -> Path:
    path = path.absolute()
    while not path.is_dir():
        path = path.parent
    return path


def _gpus() -> tuple[str, ...]:
    if shutil.which("nvidia-smi") is None:
        return ()
    query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return (f"nvidia-smi fails: {type(error).__name__}",)
    return tuple(line.strip() for line in answer.stdout.splitlines() if line.strip())


def _device() -> tuple[str, str | None]:
    """Ask a process of its own: importing Keras would settle the devices of this one."""
    command = [sys.executable, "-m", "objectives.device_report"]
    try:
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
        found = from_plain(Device, parse(ended.stdout), where="device")
    except subprocess.CalledProcessError as error:
        return f"unknown: {error.stderr.strip().rpartition(chr(10))[2]}", None
    except (OSError, subprocess.SubprocessError, ValueError, TamizError) as error:
        return f"unknown: {type(error).__name__}", None
    return found.in_words, found.problem


def _storage_round_trip(place: Path) -> str:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with tempfile.TemporaryDirectory(dir=place, prefix=".doctor-") as folder:
            storage = optuna.storages.RDBStorage(f"sqlite:///{folder}/study.db")
            study = optuna.create_study(study_name="doctor", storage=storage, direction="maximize")
            study.tell(study.ask(), 0.5)
            value = optuna.load_study(study_name="doctor", storage=storage).best_value
            storage.engine.dispose()
    except Exception as error:
        return f"fails: {type(error).__name__}: {first_line(error)}"
    return f"works (SQLite {sqlite3.sqlite_version})" if value == 0.5 else f"gives {value} for 0.5"


def _data() -> dict[str, str]:
    from objectives.data.directories import DataDirectories

    directories = DataDirectories.from_environment()
    places = (directories.data, *directories.elsewhere)
    return {_without_home(place): _listing(place) for place in places}


def _listing(place: Path) -> str:
    try:
        names = sorted(entry.name for entry in place.iterdir())
    except OSError:
        return "not there"
    return ", ".join(names[:12]) + (" ..." if len(names) > 12 else "") or "empty"


def _without_home(place: Path) -> str:
    try:
        return f"~/{place.relative_to(Path.home())}"
    except (ValueError, RuntimeError):  # elsewhere, or no home folder is known
        return str(place)


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found
