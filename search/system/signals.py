"""Ctrl-C and SIGTERM as a request that the loop checks, instead of an exception anywhere.

    TamizError
    └── Stopped                 resumable
        ├── Interrupted       130  Ctrl-C (SIGINT)
        └── Terminated        143  SIGTERM: a batch system, a spot machine, `docker stop`

The driver raises one of them after an orderly stop: running trials are recorded, the report is written.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

from spaces.errors import TamizError

_Handler = Callable[[int, FrameType | None], Any] | int | None
SIGNALS = (signal.SIGINT, signal.SIGTERM)
ORDERLY_SECONDS = 5.0
"""Time for an orderly stop after SIGTERM; an exception ends what is still running then.

A machine often leaves ten seconds between SIGTERM and SIGKILL.
"""


class Stopped(TamizError):  # noqa: N818 - an outcome rather than an error
    """The search was asked to stop, and did so."""

    resumable = True

    def __init__(self, message: str, *, is_at_once: bool = False) -> None:
        """Take the message and whether the search stopped immediately, without waiting for the current epochs."""
        super().__init__(message)
        self.is_at_once = is_at_once


class Interrupted(Stopped):
    """Stopped by Ctrl-C."""

    exit_code = 130


class Terminated(Stopped):
    """Stopped by SIGTERM."""

    exit_code = 143


def stopped_by(number: int) -> type[Stopped]:
    """Return the error for a signal: `Terminated` for SIGTERM, `Interrupted` for any other."""
    return Terminated if number == signal.SIGTERM else Interrupted


class StopRequest:
    """Records whether the search was asked to stop; a context manager that handles signals while it is entered.

    Inside `in_order`, the first Ctrl-C requests a stop after the current epochs, and SIGTERM, which a machine
    sends shortly before it shuts down, requests one without that wait. These raise immediately: a second signal,
    a signal outside `in_order`, and SIGTERM that was not obeyed within `ORDERLY_SECONDS`. Outside the main thread
    no signal is handled, since Python delivers signals to the main thread only.
    """

    def __init__(self, announce: Callable[[str], None]) -> None:
        """Take what prints a line that confirms the request."""
        self._announce = announce
        self._signal: int | None = None
        self._in_order = False
        self._raised: Stopped | None = None
        self._previous: dict[int, _Handler] = {}

    @property
    def is_requested(self) -> bool:
        """Whether to stop, in whichever way."""
        return self._signal is not None

    @property
    def is_immediate(self) -> bool:
        """Whether to stop without waiting for the current epochs."""
        return self._signal == signal.SIGTERM

    @property
    def error(self) -> type[Stopped] | None:
        """The error that a stopped search ends with; None without a request."""
        return None if self._signal is None else stopped_by(self._signal)

    @contextmanager
    def in_order(self) -> Iterator[None]:
        """Take the next signal as a request, not as an exception."""
        self._in_order = True
        try:
            yield
        finally:
            self._in_order = False
            if signal.SIGALRM in self._previous:
                signal.setitimer(signal.ITIMER_REAL, 0.0)

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._request) for number in SIGNALS}
            self._previous[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._out_of_time)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, previous in self._previous.items():
            signal.signal(number, previous)
        if self._raised is not None and isinstance(error, Exception) and not isinstance(error, Stopped):
            # What was raised in a callback of a weak reference went unseen, and the signal reached Ray's processes too.
            raise self._raised from error

    def _request(self, number: int, _frame: FrameType | None) -> None:
        is_at_once = self._signal is not None or not self._in_order
        self._signal = self._signal or number  # a library's `except Exception` may swallow what is raised
        signal.setitimer(signal.ITIMER_REAL, 0.0)  # Ray's handler was in front of this one, and would end all in 3 s
        if is_at_once:
            self._raised = stopped_by(number)("stopped immediately; finished trials are saved", is_at_once=True)
            raise self._raised
        if self.is_immediate:
            signal.setitimer(signal.ITIMER_REAL, ORDERLY_SECONDS)
        self._announce(
            "stopping: received SIGTERM"
            if self.is_immediate
            else "stopping: finishing the current epochs (Ctrl-C again to stop now)"
        )

    def _out_of_time(self, _number: int, _frame: FrameType | None) -> None:
        raise Terminated("stopped immediately by SIGTERM; finished trials are saved", is_at_once=True)
