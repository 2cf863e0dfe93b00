"""Row 8 of the fault table, where it meets row 1: a worker dies while Ray's head is gone, or is slow to answer.

Given a search that must hire another worker; Ray would be asked for one, wait a minute for its head, and end the
process without a line; so the head is pinged before, and the search ends in order, or goes on when there is an answer.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from search.workers.ray_backend.health import HealthCheck
from search.workers.ray_backend.session import RaySession
from spaces.errors import StorageError
from tests.faults.cluster.test_clusters import head, node

__all__ = ["node"]


def session(health: HealthCheck, folder: Path, monkeypatch: pytest.MonkeyPatch) -> RaySession:
    """Return a session with this health check, probed once in each pause, and no Ray."""
    made = RaySession(address=None, workers=1, modules=(), log_file=folder / "log.txt")
    made._health = health
    monkeypatch.setattr("search.workers.ray_backend.session.time.sleep", lambda seconds: health.probe())
    return made


def test_a_head_that_is_gone_is_asked_for_no_worker(tmp_path: Path, node: str, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = session(HealthCheck(address="127.0.0.1:1", node_socket=node), tmp_path, monkeypatch)
    with pytest.raises(StorageError, match="the Ray cluster at 127.0.0.1:1 is gone; finished trials are kept"):
        gone.await_head()


def test_a_head_that_answers_late_is_waited_for(tmp_path: Path, node: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with head(answers=True) as address:
        late = HealthCheck(address="127.0.0.1:1", node_socket=node)
        waiting = session(late, tmp_path, monkeypatch)
        pauses: list[float] = []

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            late.address = address

        monkeypatch.setattr("search.workers.ray_backend.session.time.sleep", pause)
        waiting.await_head()
    assert len(pauses) == 1


def test_one_worker_more_is_not_asked_for_where_the_head_is_gone(
    tmp_path: Path, node: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not session(HealthCheck(address="127.0.0.1:1", node_socket=node), tmp_path, monkeypatch).has_room()
