"""Ctrl-C and SIGTERM as a request that the loop looks at, instead of an exception anywhere."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

from search.system.stopping import Stopped, Terminated, stopped_by

_Handler = Callable[[int, FrameType | None], Any] | int | None
SIGNALS = (signal.SIGINT, signal.SIGTERM)
ORDERLY_SECONDS = 5.0
"""So long after SIGTERM whatever is being done ends by an exception: ten seconds are often all there is."""


class StopRequest:
    """Whether somebody asked the search to stop; a context manager that listens while it is entered.

    While the search runs `in_order`, the first Ctrl-C asks for a stop after the current epochs, and SIGTERM,
    which a machine sends shortly before it goes, for one without that wait. A second signal, any signal at another
    time, and SIGTERM that was not obeyed soon, raises at once. Outside the main thread nothing is listened to:
    Python delivers signals there alone.
    """

    def __init__(self, announce: Callable[[str], None]) -> None:
        """Tell a person with `announce` that the request was understood."""
        self._announce = announce
        self._signal: int | None = None
        self._in_order = False
        self._previous: dict[int, _Handler] = {}

    @property
    def is_requested(self) -> bool:
        """Whether to stop."""
        return self._signal is not None

    @property
    def is_immediate(self) -> bool:
        """Whether to stop without waiting for the current epochs."""
        return self._signal == signal.SIGTERM

    @property
    def error(self) -> type[Stopped] | None:
        """The error that a stopped search ends with; None if nobody asked."""
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

    def _request(self, number: int, _frame: FrameType | None) -> None:
        is_at_once = self._signal is not None or not self._in_order
        self._signal = self._signal or number  # a library's `except Exception` may swallow what is raised
        signal.setitimer(signal.ITIMER_REAL, 0.0)  # Ray's handler was in front of this one, and would end all in 3 s
        if is_at_once:
            raise stopped_by(number)("stopped at once; what had ended is kept", is_at_once=True)
        if self.is_immediate:
            signal.setitimer(signal.ITIMER_REAL, ORDERLY_SECONDS)
        self._announce(
            "stopping: the system asks for it"
            if self.is_immediate
            else "stopping: finishing the current epochs (Ctrl-C again to stop now)"
        )

    def _out_of_time(self, _number: int, _frame: FrameType | None) -> None:
        raise Terminated("stopped at once, since the system asked for it; what had ended is kept", is_at_once=True)
