"""How a Ray worker died, in one line and as a cause: from Ray's error and from the worker's own last words."""

from __future__ import annotations

import re
from typing import Literal

from ray.exceptions import OutOfMemoryError, RayError

from objectives.messages import TrainingFailure
from search.workers.ray_backend.crash_log import LastWords

_exit_code = re.compile(r"exits with an exit code (\d+)")
_node = re.compile(r"node (?:has )?(?:died|was terminated|is dead)|node.{0,80}(?:terminated|died)", re.IGNORECASE)


def death(
    error: RayError, *, place: str, words: LastWords | None, was_short_of_memory: bool, is_node_lost: bool = False
) -> TrainingFailure:
    """Return why a training was lost with its worker.

    Args:
        error: what Ray raised.
        place: "at epoch 3/8".
        words: of a worker on this machine; None: it was on another, or can't leave any.
        was_short_of_memory: whether the system killed processes for want of memory while the worker lived.
        is_node_lost: whether nothing answers any more where the worker was.
    """
    said = str(error)
    if words is not None and words.text:
        said = f"{said}\n\n{words.text}"
    if isinstance(error, OutOfMemoryError):
        return _failure("host_oom", f"worker's machine ran out of memory {place}", said)
    how = "its machine was lost" if is_node_lost else _how(str(error), words)
    if how == "SIGKILL" and was_short_of_memory:
        return _failure("host_oom", f"worker died (SIGKILL, as the system ran out of memory) {place}", said)
    return _failure("worker_lost", f"worker died{f' ({how})' if how else ''} {place}", said)


def last_line(error: Exception) -> str:
    """Return what an error of Ray comes down to: the remote traceback stands before it."""
    return str(error).strip().rpartition("\n")[2][:300] or type(error).__name__


def _how(said: str, words: LastWords | None) -> str | None:
    """Return "SIGSEGV", "exit status 3" or what else is known; None: nothing is."""
    if found := _exit_code.search(said):
        return f"exit status {found[1]}"
    if _node.search(said):
        return "its machine was lost"
    if words is None or words.pid is None:
        return None
    return words.signal


def _failure(cause: Literal["host_oom", "worker_lost"], message: str, said: str) -> TrainingFailure:
    return TrainingFailure(cause=cause, message=message, traceback=said)
