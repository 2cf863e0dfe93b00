"""Row 8 of the fault table, before the search: Ray itself does not start.

Given a machine on which Ray can't open its sockets; the person reads why, and what to do instead, before any work.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from search.workers.placement import Machine, share_out
from search.workers.ray_backend.session import RaySession
from spaces.errors import UsageError


def test_a_ray_that_takes_long_to_start_is_waited_for_aloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr("search.workers.ray_backend.session._reminder_seconds", 0.05)
    session = RaySession(address=None, workers=1, modules=(), log_file=tmp_path / "log.txt", note=said.append)
    session._share = share_out([Machine(cpus=1, gpus=0, memory=2**30)], 1)
    threading.Timer(0.3, session._is_up.set).start()

    assert session.share.workers == 1
    assert said[0] == "waiting for Ray, which started 0 s ago"


@pytest.mark.slow
def test_a_ray_that_does_not_start_is_told_with_what_to_do_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def too_deep() -> Iterator[Path]:
        folder = tmp_path / ("deep" * 30)
        folder.mkdir()
        yield folder

    monkeypatch.setattr("search.workers.ray_backend.connecting.private_folder", too_deep)
    session = RaySession.begin(log_file=tmp_path / "log.txt", workers=1)
    try:
        with pytest.raises(UsageError, match="^Ray does not start here: .*\nSearch without Ray: --executor inline$"):
            _ = session.processes
    finally:
        session.close()
    assert "Ray did not start" in (tmp_path / "log.txt").read_text()


def test_a_head_that_ends_as_ray_starts_is_told_before_ray_tells(tmp_path: Path) -> None:
    session = RaySession(address=None, workers=1, modules=(), log_file=tmp_path / "log.txt")
    head = tmp_path / "gcs_server"
    head.symlink_to("/bin/sleep")
    with subprocess.Popen([head, "600"]) as process:
        assert not session.wait(0)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(UsageError, match="^Ray does not start here: its head, gcs_server, ended while"):
            session.wait(0)
