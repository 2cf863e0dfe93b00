"""One driver a study: who it is, for others to read, while it runs and when it was killed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from search.lease.folder_lock import Holder, StudyBusyError, is_being_run, lease, read_holder, refuse_if_busy

OTHER = Holder(pid=4711, host="a", since="2026-01-02T10:02:00+00:00")


def us() -> Holder:
    """Return this process as a driver."""
    return Holder.this()


def test_a_second_driver_reads_who_the_first_is(tmp_path: Path) -> None:
    with lease(tmp_path, "x", OTHER), pytest.raises(StudyBusyError) as refused, lease(tmp_path, "x", us()):
        pass
    reason = r"study 'x' is being run by pid 4711 on host a since 2026-01-02 \d\d:02; wait until it ends, or choose "
    assert re.fullmatch(reason + "another --study", str(refused.value))


def test_a_driver_of_today_has_an_hour_only() -> None:
    assert re.fullmatch(r"pid \d+ on host \S+ since \d\d:\d\d", us().in_words)


def test_nothing_is_left_where_a_driver_ended_by_itself(tmp_path: Path) -> None:
    with pytest.raises(KeyError), lease(tmp_path, "x", us()):
        raise KeyError
    assert (is_being_run(tmp_path), read_holder(tmp_path)) == (False, None)


def test_a_driver_that_was_killed_is_still_named_and_another_may_begin(tmp_path: Path) -> None:
    with lease(tmp_path, "x", OTHER):
        left = (tmp_path / "driver.json").read_text()
    (tmp_path / "driver.json").write_text(left)
    assert (is_being_run(tmp_path), read_holder(tmp_path)) == (False, OTHER)
    with lease(tmp_path, "x", us()):
        assert read_holder(tmp_path) != OTHER


@pytest.mark.parametrize("written", ["", "{", "[]", '{"pid": 1}', '{"since": "soon"}'])
def test_a_driver_that_says_nothing_readable_is_another_process(tmp_path: Path, written: str) -> None:
    with lease(tmp_path, "x", us()):
        (tmp_path / "driver.json").write_text(written)
        with pytest.raises(StudyBusyError, match="is being run by another process"):
            refuse_if_busy(tmp_path, "x")


def test_a_study_that_nobody_runs_is_not_busy(tmp_path: Path) -> None:
    refuse_if_busy(tmp_path, "x")
    assert list(tmp_path.iterdir()) == []
