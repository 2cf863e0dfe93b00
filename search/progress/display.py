"""The display that fits where progress is written: a live block, plain lines, or next to nothing."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from search.progress.protocol import (
    Progress,
    SearchPlan,
)
from search.wording import write_line

if TYPE_CHECKING:
    from objectives.messages import EpochReport
    from reports.stored.records import TrialRecord
    from spaces.space import Parameters


class QuietProgress:
    """Says nothing but notes that a person should not miss."""

    def __init__(self, stream: TextIO) -> None:
        """Write to `stream`."""
        self._stream = stream

    def phase(self, line: str) -> None:
        """Say nothing."""

    def started(self, plan: SearchPlan) -> None:
        """Say nothing."""

    def trial_started(self, trial: int, params: Parameters, *, worker: int) -> None:
        """Say nothing."""

    def epoch_reported(self, trial: int, report: EpochReport, *, worker: int) -> None:
        """Say nothing."""

    def trial_ended(self, record: TrialRecord) -> None:
        """Say nothing."""

    def note(self, line: str) -> None:
        """Print the line."""
        write_line(self._stream, line)

    def ended(self) -> None:
        """Say nothing."""


@contextlib.contextmanager
def open_progress(stream: TextIO, *, quiet: bool) -> Iterator[Progress]:
    """Give a live block on a terminal, plain lines on anything else, little when asked to be quiet.

    It writes where `stream` led when it was opened, also while file descriptor 2 is sent to a log.
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
    with contextlib.suppress(OSError):  # a pipe that nobody reads any more
        stream.close()
