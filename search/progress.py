"""What the driver tells the person who waits, and the three ways of showing it.

All of it goes to stderr: stdout carries data only.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from objectives.records import Direction, EpochReport
    from reports.records import TrialRecord
    from spaces.space import Parameters


@dataclass(frozen=True, kw_only=True)
class SearchPlan:
    """What a search is about to do."""

    study: str
    space: str
    data: str
    metric: str
    direction: Direction
    trials: int
    """Total of the study."""
    epochs: int
    """Epochs of a trial that is not pruned."""
    workers: int
    timeout_seconds: float | None = None
    earlier: tuple[TrialRecord, ...] = ()
    """Trials that the study holds already."""


class Progress(Protocol):
    """Told by the driver as things happen; never answers, never raises."""

    def phase(self, line: str) -> None:
        """Say what is being done before the first trial or after the last: "loading digits"."""

    def started(self, plan: SearchPlan) -> None:
        """The first trial is about to be asked for."""

    def trial_started(self, trial: int, params: Parameters, *, worker: int) -> None:
        """A trial was given to a worker."""

    def epoch_reported(self, trial: int, report: EpochReport, *, worker: int) -> None:
        """A worker finished an epoch."""

    def trial_ended(self, record: TrialRecord) -> None:
        """A trial ended in any of its states, and is recorded."""

    def note(self, line: str) -> None:
        """Say something once: a worker that died, a stop that was asked for."""

    def ended(self) -> None:
        """Nothing more comes; called on every way out."""


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
        from search.live_progress import LiveProgress

        return LiveProgress(stream)
    from search.plain_progress import PlainProgress

    return PlainProgress(stream)


def _close(stream: TextIO) -> None:
    with contextlib.suppress(OSError):  # a pipe that nobody reads any more
        stream.close()


def write_line(stream: TextIO, line: str) -> None:
    """Print one line, or nothing where the stream is closed: progress never ends a search."""
    with contextlib.suppress(OSError, ValueError, RuntimeError):  # the last: a signal came amid another line
        stream.write(printable(line, encoding=stream.encoding) + "\n")
        stream.flush()


def printable(text: str, *, encoding: str | None) -> str:
    """Return `text` without control characters, and with "?" for what the terminal can't show."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    return shown.encode(encoding or "ascii", errors="replace").decode(encoding or "ascii")
