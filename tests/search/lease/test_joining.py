"""Requests for more workers: who counts as helping, and from when to when."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path

import pytest

from search.lease.joining import Helpers, Joining


class Driver:
    """A driver that looks for helpers every second."""

    def __init__(self, folder: Path) -> None:
        self.notes: list[str] = []
        self._folder = folder
        self._seconds = 0.0
        self._renewed = itertools.count(1)
        self._helpers = Helpers(folder, note=self.notes.append, clock=lambda: self._seconds)

    def after(self, seconds: int, *, renewing: Joining | None = None) -> int:
        """Return how many workers are asked for after so many seconds, while one request is renewed, or none."""
        for _ in range(seconds):
            self._seconds += 1.0
            if renewing is not None:
                renewing.renew()
                for file in self._folder.glob(".joining/*.json"):
                    os.utime(file, (next(self._renewed),) * 2)  # a clock too coarse for the test would not do
            self._helpers.workers()
        return self._helpers.workers()


def test_a_request_counts_from_when_it_is_renewed_until_it_is_withdrawn(tmp_path: Path) -> None:
    driver = Driver(tmp_path)
    with Joining(tmp_path, workers=3) as joining:
        joining.renew()
        counted = [driver.after(1), driver.after(1, renewing=joining)]
    assert [*counted, driver.after(1)] == [0, 3, 0]
    pid = os.getpid()
    assert driver.notes == [
        f"pid {pid} with 3 workers joins",
        f"pid {pid} with 3 workers has left; what is being trained there is finished first",
    ]


def test_a_request_that_is_not_renewed_any_more_counts_for_ten_seconds(tmp_path: Path) -> None:
    driver = Driver(tmp_path)
    with Joining(tmp_path, workers=1) as joining:
        joining.renew()
        driver.after(2, renewing=joining)
        assert [driver.after(9), driver.after(1), driver.after(1, renewing=joining)] == [1, 0, 1]


def test_requests_to_an_earlier_driver_are_asked_again_by_those_who_live(tmp_path: Path) -> None:
    with Joining(tmp_path, workers=2) as joining:
        joining.renew()
        left = tmp_path / ".joining" / "a-1.json"
        left.write_text(next(tmp_path.glob(".joining/*.json")).read_text())
        driver = Driver(tmp_path)
        assert (left.exists(), driver.after(3), driver.after(3, renewing=joining)) == (False, 0, 2)


@pytest.mark.parametrize("workers", [0, 257, -1, "4", None])
def test_what_is_no_request_is_nobody(tmp_path: Path, workers: object) -> None:
    driver = Driver(tmp_path)
    with Joining(tmp_path, workers=1) as joining:
        joining.renew()
        (file,) = tmp_path.glob(".joining/*.json")
        file.write_text(json.dumps(json.loads(file.read_text()) | {"workers": workers}))
        assert driver.after(3, renewing=joining) == 0
