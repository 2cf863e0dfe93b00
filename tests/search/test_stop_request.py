"""A request to stop, wherever in the program the signal finds it."""

from __future__ import annotations

import contextlib
import signal

import pytest

from search.stop_request import StopRequest
from search.stopping import Interrupted


def test_a_signal_before_the_search_runs_stops_at_once() -> None:
    with StopRequest(print), pytest.raises(Interrupted, match="stopped at once"):
        signal.raise_signal(signal.SIGINT)


def test_a_stop_that_a_library_swallows_is_remembered() -> None:
    with StopRequest(print) as stop:
        with contextlib.suppress(Exception):  # as some do while they are imported
            signal.raise_signal(signal.SIGINT)
        assert (stop.is_requested, stop.error) == (True, Interrupted)
