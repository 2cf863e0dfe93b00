"""Redirects what libraries write to the terminal into a log file."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO


@contextlib.contextmanager
def only_own_lines(log_file: Path) -> Iterator[None]:
    """Send to `log_file` what this process and its children write other than through `sys.stdout` and `sys.stderr`.

    Ray's and TensorFlow's C++ parts write to the file descriptors 1 and 2; these point to the file
    meanwhile, and Python's streams to copies of what they pointed to. Enter it before anything that
    replaces `sys.stdout`, such as a live display, and leave it after. It may be entered twice.
    """
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as undo, log_file.open("ab") as log:
        for name, descriptor in (("stdout", 1), ("stderr", 2)):
            _divert(name, descriptor, log.fileno(), undo)
        yield


def _divert(name: str, descriptor: int, target: int, undo: contextlib.ExitStack) -> None:
    stream: TextIO | None = getattr(sys, name)
    if stream is not None:
        stream.flush()
    try:
        kept = os.dup(descriptor)
    except OSError:  # the descriptor is closed, so nothing can reach the terminal
        return
    undo.callback(os.close, kept)
    undo.callback(os.dup2, kept, descriptor)
    os.dup2(target, descriptor)
    if stream is None or _descriptor_of(stream) != descriptor:
        return
    own = open(  # noqa: SIM115 - closed by `undo`, without the descriptor
        kept,
        "w",
        buffering=1 if stream.isatty() or name == "stderr" else -1,
        encoding=stream.encoding,
        errors=stream.errors,
        closefd=False,
    )
    undo.callback(_give_back, name, stream, own)
    setattr(sys, name, own)


def _give_back(name: str, stream: TextIO, own: TextIO) -> None:
    with contextlib.suppress(OSError, ValueError):  # the other end of a pipe may be gone
        own.close()
    if getattr(sys, name) is own:
        setattr(sys, name, stream)


def _descriptor_of(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (OSError, ValueError, AttributeError):  # a notebook's stream, or pytest's
        return None
