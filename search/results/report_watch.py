"""When a report must be written again while its search runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from reports.stored import layout
from search.results.run_folder import RunFolder
from search.results.status import is_being_run

SHORTEST_PAUSE_SECONDS = 2.0
_share = 0.1
"""Part of the time that writing may take from a search on the same cores."""
_stored = (
    layout.SETTINGS,
    layout.DATABASE,
    f"{layout.DATABASE}-wal",
    f"{layout.TRIALS}/*/{layout.RESULT}",
    f"{layout.BEST}/{layout.MEASUREMENT}",
)

State = frozenset[tuple[str, int, int]]


def changes(
    folder: RunFolder,
    since: State,
    *,
    is_running: Callable[[RunFolder], bool] = is_being_run,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Yield whenever what is stored has changed, until no search runs any more and the last change was yielded.

    Args:
        folder: the study's.
        since: the state that is known already.
        is_running: whether a driver works on the study.
        pause: waits so many seconds; longer where what is done about a change takes longer.
    """
    seconds = 0.0
    while True:
        goes_on = is_running(folder)  # asked first: what is stored after it is seen the next time
        state = stored_state(folder)
        if state != since:
            since, began = state, time.monotonic()
            yield
            seconds = time.monotonic() - began
        if not goes_on:
            return
        pause(max(SHORTEST_PAUSE_SECONDS, seconds / _share))


def stored_state(folder: RunFolder) -> State:
    """Return the name, time of change and size of each file that a report is made from."""
    found = set()
    for pattern in _stored:
        for path in folder.path.glob(pattern):
            try:
                known = path.stat()
            except FileNotFoundError:  # gone since it was listed
                continue
            found.add((str(path), known.st_mtime_ns, known.st_size))
    return frozenset(found)
