"""Rows 1, 2 and 18 of the fault table: what is reported of a worker's death, from what Ray and the system tell.

`test_real_workers.py` kills real ones.
"""

from __future__ import annotations

from pathlib import Path

from ray.exceptions import ActorDiedError, OutOfMemoryError

from search.workers.ray_backend.crash_log import CrashLog, oom_kills
from search.workers.ray_backend.failures import worker_death

SILENT = CrashLog(pid=77, text="")


def test_a_kill_while_the_system_runs_out_of_memory_is_want_of_memory() -> None:
    failure = worker_death(ActorDiedError(), place="at epoch 2/8", log=SILENT, was_short_of_memory=True)
    said = "worker died (SIGKILL, as the system ran out of memory) at epoch 2/8"
    assert (failure.cause, failure.message) == ("host_oom", said)


def test_ray_s_own_memory_monitor_is_believed() -> None:
    error = OutOfMemoryError("the node was about to run out of memory")
    failure = worker_death(error, place="at epoch 2/8", log=SILENT, was_short_of_memory=False)
    assert (failure.cause, failure.message) == ("host_oom", "worker's machine ran out of memory at epoch 2/8")


def test_of_a_worker_elsewhere_nothing_is_made_up() -> None:
    failure = worker_death(ActorDiedError(), place="at epoch 2/8", log=None, was_short_of_memory=False)
    assert failure.message == "worker died at epoch 2/8"


def test_a_crash_is_no_want_of_memory_whatever_else_the_system_killed() -> None:
    log = CrashLog(pid=77, text="Fatal Python error: Bus error\n\nCurrent thread ...")
    failure = worker_death(ActorDiedError(), place="at epoch 2/8", log=log, was_short_of_memory=True)
    assert (failure.cause, failure.message) == ("worker_lost", "worker died (SIGBUS) at epoch 2/8")


def test_the_kernel_s_counter_is_read(tmp_path: Path) -> None:
    (tmp_path / "vmstat").write_text("pgfault 12\noom_kill 3\noom_kill_x 9\n")
    assert (oom_kills(tmp_path / "vmstat"), oom_kills(tmp_path / "missing")) == (3, 0)
