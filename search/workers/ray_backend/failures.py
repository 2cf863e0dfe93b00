"""Why a Ray worker died: Ray's error and the worker's crash log as one `TrainingFailure`."""

from __future__ import annotations

import re
from typing import Literal

from ray.exceptions import ActorDiedError, ActorUnavailableError, OutOfMemoryError, RayError, RayTaskError

from objectives.gpus import GpuFullError
from objectives.messages import TrainingFailure
from search.workers.ray_backend.crash_log import CrashLog

# Ray reports exit codes and lost nodes in prose only.
_exit_code = re.compile(r"exits with an exit code (\d+)")
_node = re.compile(r"node (?:has )?(?:died|was terminated|is dead)|node.{0,80}(?:terminated|died)", re.IGNORECASE)


def worker_death(
    error: RayError, *, place: str, log: CrashLog | None, was_short_of_memory: bool, is_node_lost: bool = False
) -> TrainingFailure:
    """Return the failure of a training whose worker died.

    Args:
        error: what Ray raised.
        place: "at epoch 3/8".
        log: of a worker on this machine; None: it was on another.
        was_short_of_memory: whether the kernel killed processes for lack of memory while the worker lived.
        is_node_lost: whether the worker's node does not answer any more.
    """
    details = str(error)
    if log is not None and log.text:
        details = f"{details}\n\n{log.text}"
    if isinstance(error, OutOfMemoryError):
        return _failure("host_oom", f"worker's machine ran out of memory {place}", details)
    how = "its machine was lost" if is_node_lost else _how(str(error), log)
    if how == "SIGKILL" and was_short_of_memory:
        return _failure("host_oom", f"worker died (SIGKILL, as the system ran out of memory) {place}", details)
    return _failure("worker_lost", f"worker died{f' ({how})' if how else ''} {place}", details)


def is_death(error: RayError) -> bool:
    """Whether it means that a worker's process has ended, or found its GPU full: another one may do better."""
    return isinstance(error, ActorDiedError | ActorUnavailableError | OutOfMemoryError | GpuFullError)


def task_failure(error: RayTaskError) -> TrainingFailure:
    """Return the failure of a call that raised an error in its worker, whose state is then unknown."""
    return TrainingFailure(cause="error", message=last_line(error), traceback=str(error), corrupts_process=True)


def last_line(error: Exception) -> str:
    """Return the last line of an error of Ray; the remote traceback precedes it."""
    return str(error).strip().rpartition("\n")[2][:300] or type(error).__name__


def _how(message: str, log: CrashLog | None) -> str | None:
    """Return "SIGSEGV", "exit status 3" or what else is known; None: nothing."""
    if found := _exit_code.search(message):
        return f"exit status {found[1]}"
    if _node.search(message):
        return "its machine was lost"
    if log is None or log.pid is None:
        return None
    return log.signal


def _failure(cause: Literal["host_oom", "worker_lost"], message: str, details: str) -> TrainingFailure:
    return TrainingFailure(cause=cause, message=message, traceback=details)
