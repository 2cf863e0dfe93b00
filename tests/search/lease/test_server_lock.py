"""One driver a study on a server, wherever its run folder is."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from search.lease.folder_lock import Holder
from search.lease.server_lock import server_lease
from spaces.errors import StudyConflictError
from tests.servers.mariadb import MariaServer
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.slow

OTHER = Holder(pid=4711, host="a", since="2026-01-02T10:02:00+00:00")
US = replace(OTHER, pid=4712)


def test_a_driver_on_another_machine_reads_who_runs_the_study(postgres: PostgresServer) -> None:
    said = r"study 'x' is being run by pid 4711 on host a since 2026-01-02 \d\d:02, with another run folder; wait "
    with (
        server_lease(postgres.url, "x", OTHER),
        server_lease(postgres.url, "y", US),
        pytest.raises(StudyConflictError, match=said),
        server_lease(postgres.url, "x", US),
    ):
        pass


def test_a_study_is_free_when_its_driver_has_ended(database_server: PostgresServer | MariaServer) -> None:
    for holder in (OTHER, US):
        with server_lease(database_server.url, "x", holder):
            pass


def test_on_mysql_the_machine_of_the_other_is_all_that_is_known_and_other_databases_are_free(
    mariadb: MariaServer,
) -> None:
    said = r"study 'x' is being run by a process on 127.0.0.1, with another run folder"
    with (
        server_lease(mariadb.url, "x", OTHER),
        server_lease(mariadb.url.replace("/tamiz", "/information_schema"), "x", US),
        pytest.raises(StudyConflictError, match=said),
        server_lease(mariadb.url, "x", US),
    ):
        pass


def test_a_server_that_restarts_gives_the_study_back_to_its_driver(
    database_server: PostgresServer | MariaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.lease.server_lock._looks_seconds", 0.1)
    with server_lease(database_server.url, "x", OTHER):
        database_server.stop()
        database_server.start()
        deadline = time.monotonic() + 20
        while not _is_held(database_server):
            assert time.monotonic() < deadline, "the study is not locked again"
            time.sleep(0.2)


@pytest.mark.parametrize("driver", ["postgresql+psycopg", "mysql+pymysql"])
def test_a_server_that_is_away_is_for_others_to_tell(driver: str) -> None:
    with server_lease(f"{driver}://nobody@127.0.0.1:1/none", "x", US):
        pass


def _is_held(database_server: PostgresServer | MariaServer) -> bool:
    try:
        with server_lease(database_server.url, "x", US):
            return False
    except StudyConflictError:
        return True
