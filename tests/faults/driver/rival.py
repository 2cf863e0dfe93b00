"""One of two processes that reach for the same studies at the same moments: `python -m tests.faults.driver.rival`.

Prints a line for each study: "took" or "refused".
"""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path

import search.lease.folder_lock
from search.lease.folder_lock import Holder
from search.lease.server_lock import server_lease
from spaces.errors import StudyConflictError

_longest_seconds = 200


def main() -> None:
    """Reach for so many studies; arguments: folder, own number (0 or 1), how many, and a server's URL or nothing."""
    folder, own, count, url = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    search.lease.folder_lock._probe_seconds = 0.05
    for number in range(count):
        print(reach(folder, own, f"s{number}", url), flush=True)


def reach(folder: Path, own: int, study: str, url: str) -> str:
    """Reach for a study when the other does, and hold it until the other has tried too."""
    (folder / study).mkdir(exist_ok=True)
    _meet(folder / f"{study}-begins", own)
    try:
        with _lease(folder, study, url):
            _meet(folder / f"{study}-tried", own)
            return "took"
    except StudyConflictError:
        _meet(folder / f"{study}-tried", own)
        return "refused"


def _lease(folder: Path, study: str, url: str) -> AbstractContextManager[None]:
    holder = Holder.this()
    return server_lease(url, study, holder) if url else search.lease.folder_lock.lease(folder / study, study, holder)


def _meet(place: Path, own: int) -> None:
    """Go on when both are here."""
    place.with_name(f"{place.name}-{own}").touch()
    other = place.with_name(f"{place.name}-{1 - own}")
    deadline = time.monotonic() + _longest_seconds
    while not other.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"the other process does not come to {place.name}")
        time.sleep(0.001)


if __name__ == "__main__":
    main()
