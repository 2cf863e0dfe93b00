"""Saving with retries: when it is tried again, and when no more."""

from __future__ import annotations

import pytest

from search.storage.errors import DatabaseError, DatabaseUnavailableError
from search.storage.retry import RetryingSaver
from spaces.errors import StorageError


class Absent:
    """A study whose database is away between two moments; its clock moves when somebody sleeps."""

    def __init__(self, *, begins: float = 0.0, ends: float = float("inf"), full: bool = False) -> None:
        self.now = 0.0
        self.notes: list[str] = []
        self.tried: list[float] = []
        self._begins, self._ends, self._full = begins, ends, full

    def save(self) -> None:
        """Try."""
        self.tried.append(self.now)
        if self._begins <= self.now < self._ends:
            raise DatabaseUnavailableError("connection refused")

    def spool(self) -> int:
        """Keep three trials."""
        if self._full:
            raise OSError(28, "No space left on device")
        return 3

    def sleep(self, seconds: float) -> None:
        """Pass the time."""
        self.now += seconds

    def saving(self, *, wait_seconds: float = 600.0) -> RetryingSaver:
        """Return a saving of this study."""
        return RetryingSaver(
            self,
            note=self.notes.append,
            wait_seconds=wait_seconds,
            clock=lambda: self.now,
            sleep=self.sleep,
        )


def test_it_is_tried_again_ever_less_often() -> None:
    study = Absent(ends=100.0)
    study.saving().save_at_last(may_wait=True)
    assert study.tried == [0, 1, 3, 7, 15, 31, 61, 91, 121]


def test_between_two_tries_what_there_is_goes_into_the_spool_alone() -> None:
    study = Absent()
    saving = study.saving()
    for _ in range(20):
        saving.save()
    assert study.tried == [0]


def test_the_beginning_and_the_end_of_an_outage_are_printed() -> None:
    study = Absent(ends=2.0)
    study.saving().save_at_last(may_wait=True)
    waiting = "3 trials kept in the run folder's spool.jsonl"
    assert study.notes == [
        f"database unavailable (connection refused); training continues, {waiting}",
        "database available again after 3 s; all results are saved",
    ]


def test_a_long_outage_is_printed_each_half_minute() -> None:
    study = Absent(ends=100.0)
    study.saving().save_at_last(may_wait=True)
    waiting = "3 trials kept in the run folder's spool.jsonl"
    away = [f"database unavailable for {time}; {waiting}" for time in ("31 s", "1 min 1 s", "1 min 31 s")]
    assert study.notes[1:-1] == away


def test_an_outage_beyond_the_limit_ends_the_search() -> None:
    study = Absent()
    with pytest.raises(
        StorageError, match="database error: connection refused\n3 trials kept in the run folder's spool"
    ):
        study.saving(wait_seconds=50.0).save_at_last(may_wait=True)
    assert study.tried == [0, 1, 3, 7, 15, 31, 50]


def test_a_search_that_is_to_stop_waits_for_no_database() -> None:
    study = Absent()
    study.saving().save_at_last(may_wait=False)
    assert study.tried == [0]


def test_without_a_wait_the_first_failure_is_the_last() -> None:
    study = Absent()
    with pytest.raises(StorageError, match="database error: connection refused"):
        study.saving(wait_seconds=0.0).save()
    assert study.notes == []


def test_a_second_outage_is_waited_for_as_the_first() -> None:
    study = Absent(begins=10.0, ends=12.0)
    saving = study.saving()
    saving.save()
    study.now = 10.0
    saving.save_at_last(may_wait=True)
    assert study.tried == [0, 10, 11, 13]


def test_where_nothing_can_be_written_the_search_ends() -> None:
    with pytest.raises(StorageError, match="neither the study's database nor its run folder.*No space left"):
        Absent(full=True).saving().save()


def test_what_a_database_refuses_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    study = Absent()

    def refuse() -> None:
        raise DatabaseError("no such table")

    monkeypatch.setattr(study, "save", refuse)
    with pytest.raises(DatabaseError, match="no such table"):
        study.saving().save()
