"""What a Ray cluster of a search's own is given: settings, a private folder, a look at the shared memory."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil

from search.workers.ray_backend import cleanup_process

_variables = {
    "RAY_OBJECT_STORE_ALLOW_SLOW_STORAGE": "1",
    "RAY_gcs_rpc_server_reconnect_timeout_s": "40",  # Ray's own minute passes in silence, deaf to Ctrl-C, as it starts
    "RAY_worker_niceness": "0",  # Ray's own 15 leaves a worker nearly nothing beside other busy processes
}
_longest_folder = 24
"""Characters of the temporary folder; Ray and we append up to 82, and a socket's path ends at 107."""


def set_variables() -> None:
    """Set what Ray reads from the environment, unless somebody has set it."""
    for name, value in _variables.items():
        os.environ.setdefault(name, value)


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """Yield a short-named folder that is nobody else's; Ray's own, inside it, is open to all."""
    usual = tempfile.gettempdir()
    folder = Path(tempfile.mkdtemp(prefix="tamiz-", dir=usual if len(usual) <= _longest_folder else "/tmp"))
    sweeper = subprocess.Popen(
        [sys.executable, "-P", cleanup_process.__file__, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is none of its business
    )
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        sweeper.communicate()


def head_has_ended() -> bool:
    """Whether the head of a cluster that this process started is a child that has ended."""
    try:
        children = psutil.Process().children()
        return any(one.name() == "gcs_server" and one.status() == psutil.STATUS_ZOMBIE for one in children)
    except psutil.Error:  # one ended meanwhile, and was taken note of: by Ray, which then knows
        return False


def append_worker_logs(folder: Path, log_file: Path) -> None:
    """Add what the workers wrote to the log of the run."""
    with log_file.open("ab") as log:
        for written in sorted(folder.glob("r/session_2*/logs/worker-*.err")):
            log.write(written.read_bytes())


def shared_memory_in_words(free_bytes: int | None, *, wanted_bytes: float) -> str | None:
    """Return what to tell a person whose shared memory Ray finds too small; None: it is large enough, or unknown."""
    if free_bytes is None or free_bytes >= wanted_bytes:
        return None
    return (
        f"/dev/shm has {free_bytes // 2**20} MB free, so workers share images through the disk, which is slower "
        "(a container can be given more: --shm-size)"
    )


def shared_memory_free() -> int | None:
    """Return the free bytes of shared memory; None where the system has none."""
    try:
        return shutil.disk_usage("/dev/shm").free
    except OSError:  # a system without
        return None


def object_store_bytes(nodes: Sequence[Any]) -> float:
    """Return what Ray would share between processes on its nodes."""
    return sum(float(node["Resources"].get("object_store_memory", 0)) for node in nodes)
