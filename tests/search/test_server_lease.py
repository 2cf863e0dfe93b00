"""One driver a study on a PostgreSQL server, wherever its run folder is."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from search.lease import Holder, Machine
from search.server_lease import server_lease
from spaces.errors import StudyConflictError
from tests.postgres import PostgresServer

pytestmark = pytest.mark.slow

OTHER = Holder(
    pid=4711,
    machine=Machine(host="a", boot="b"),
    since="2026-01-02T10:02:00+00:00",
    executor="ray",
    ray_address=None,
)
US = replace(OTHER, pid=4712)


def test_a_driver_on_another_machine_reads_who_runs_the_study_and_how_to_help(postgres: PostgresServer) -> None:
    said = r"study 'x' is being run by pid 4711 on host a since 2026-01-02 \d\d:02, with another run folder"
    with (
        server_lease(postgres.url, "x", OTHER),
        server_lease(postgres.url, "y", US),
        pytest.raises(StudyConflictError, match=said) as refused,
        server_lease(postgres.url, "x", US),
    ):
        pass
    assert "  here:  ray start --address=HEAD:6379 (where" in str(refused.value)


def test_a_study_is_free_when_its_driver_has_ended(postgres: PostgresServer) -> None:
    for holder in (OTHER, US):
        with server_lease(postgres.url, "x", holder):
            pass


def test_a_server_that_restarts_gives_the_study_back_to_its_driver(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.server_lease._looks_seconds", 0.1)
    with server_lease(postgres.url, "x", OTHER):
        postgres.stop()
        postgres.start()
        deadline = time.monotonic() + 20
        while not _is_held(postgres):
            assert time.monotonic() < deadline, "the study is not locked again"
            time.sleep(0.2)


def test_a_server_that_is_away_is_for_others_to_tell() -> None:
    with server_lease("postgresql+psycopg://nobody@127.0.0.1:1/none", "x", US):
        pass


def _is_held(postgres: PostgresServer) -> bool:
    try:
        with server_lease(postgres.url, "x", US):
            return False
    except StudyConflictError:
        return True
