"""Connects this process to Ray: to a cluster of its own, which ends with it, or to one that others started."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search.workers.ray_backend.health import HealthCheck
from search.workers.ray_backend.local_cluster import (
    admission_to,
    append_worker_logs,
    check_not_running,
    ensure_private_token,
    object_store_bytes,
    private_folder,
    ray_lines_to,
    set_variables,
    shared_memory_free,
    shared_memory_in_words,
)
from search.workers.ray_backend.process import job_settings, packages_to_send


@dataclass(frozen=True, kw_only=True)
class Connection:
    """A connection to a cluster."""

    health: HealthCheck
    scratch: Path | None
    """Folder of a cluster of its own; None: others started it."""
    notice: str | None
    """A line about the cluster for the terminal."""


def connect(address: str | None, *, log_file: Path, ending: contextlib.ExitStack) -> Connection:
    """Start Ray or join it; `ending` undoes that.

    Args:
        address: HOST:PORT of a running cluster, or "auto" for the one on this machine; None: start one.
        log_file: where Ray's lines go.
        ending: closed when the cluster is not needed any more.

    Raises:
        UsageError: Ray runs already in this process, or the cluster refuses it.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    check_not_running()
    ending.enter_context(ray_lines_to(log_file))
    common: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.WARNING}
    scratch = notice = None
    if address is None:
        set_variables()
        shared_bytes = shared_memory_free()
        scratch = ending.enter_context(private_folder())
        ending.callback(append_worker_logs, scratch, log_file)
        ensure_private_token(os.environ)
        own = {"include_dashboard": False, "_temp_dir": str(scratch / "r"), "job_config": job_settings()}
        ray.init(address="local", **own, **common)
        notice = shared_memory_in_words(shared_bytes, wanted_bytes=object_store_bytes(ray.nodes()))
    else:
        head = ending.enter_context(admission_to(address))
        with tempfile.TemporaryDirectory() as empty:
            ray.init(address=head, runtime_env=packages_to_send(empty), **common)
    ending.callback(ray.shutdown)
    health = HealthCheck(
        address=ray.get_runtime_context().gcs_address,
        node_socket=ray._private.worker.global_worker.node.raylet_socket_name,
    )
    return Connection(health=health, scratch=scratch, notice=notice)
