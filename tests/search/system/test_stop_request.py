"""A request to stop, wherever in the program the signal finds it."""

from __future__ import annotations

import contextlib
import signal
import weakref

import pytest

from search.system.signals import Interrupted, StopRequest, Terminated
from spaces.errors import TamizError


class Watched:
    """Something that a weak reference can hold."""


def test_a_signal_before_the_search_runs_stops_at_once() -> None:
    with StopRequest(print), pytest.raises(Interrupted, match="stopped immediately"):
        signal.raise_signal(signal.SIGINT)


def test_an_alarm_that_a_library_set_at_the_signal_is_called_off() -> None:
    """Ray's own handler, which is in front of ours while Ray starts, sets one that ends the process."""
    with StopRequest(print):
        signal.setitimer(signal.ITIMER_REAL, 3.0)
        with pytest.raises(Interrupted):
            signal.raise_signal(signal.SIGINT)
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_stop_that_a_library_swallows_is_remembered() -> None:
    with StopRequest(print) as stop:
        with contextlib.suppress(Exception):  # as some do while they are imported
            signal.raise_signal(signal.SIGINT)
        assert (stop.is_requested, stop.error) == (True, Interrupted)


def search_that_misses_a_signal() -> None:
    """Start a search whose SIGTERM comes in a callback: Python prints what is raised there, and goes on."""
    with StopRequest(print):
        watched = Watched()
        callback = weakref.ref(watched, lambda _reference: signal.raise_signal(signal.SIGTERM))
        del watched
        assert callback() is None
        raise TamizError("its head, gcs_server, ended while it started")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_stop_that_a_callback_loses_ends_the_search_whatever_fails_then() -> None:
    """A process group's SIGTERM ends Ray's head too, and the search must not end with that as an error."""
    with pytest.raises(Terminated, match="stopped immediately"):
        search_that_misses_a_signal()
