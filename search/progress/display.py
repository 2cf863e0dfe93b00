"""Chooses the display: a live block on a terminal, plain lines elsewhere, or notes only."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TextIO

from search.progress.protocol import Progress
from search.wording import write_line


class QuietProgress(Progress):
    """Prints notes only, which must not be missed."""

    def __init__(self, stream: TextIO) -> None:
        """Write to `stream`."""
        self._stream = stream

    def note(self, line: str) -> None:
        """Print the line."""
        write_line(self._stream, line)

    def info(self, line: str) -> None:
        """Leave it out."""


@contextlib.contextmanager
def open_progress(stream: TextIO, *, quiet: bool) -> Iterator[Progress]:
    """Open a live block on a terminal, plain lines on anything else, or notes only if `quiet`.

    It keeps writing where `stream` leads now, also while file descriptor 2 is redirected to a log.
    """
    with contextlib.ExitStack() as cleanup:
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, a notebook's, or pytest's
            descriptor = os.dup(stream.fileno())
            own = open(descriptor, "w", buffering=1, encoding=stream.encoding, errors=stream.errors)  # noqa: PTH123, SIM115
            cleanup.callback(_close, own)
            stream = own
        progress = _progress(stream, quiet=quiet)
        cleanup.callback(progress.ended)
        yield progress


def _progress(stream: TextIO, *, quiet: bool) -> Progress:
    if quiet:
        return QuietProgress(stream)
    if stream.isatty() and os.environ.get("TERM", "dumb") not in ("", "dumb", "unknown"):
        from search.progress.live import LiveProgress

        return LiveProgress(stream)
    from search.progress.plain import PlainProgress

    return PlainProgress(stream)


def _close(stream: TextIO) -> None:
    with contextlib.suppress(OSError):  # a pipe whose reader is gone
        stream.close()
