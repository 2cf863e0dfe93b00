"""Rows 9, 11, 12 and 13 of the fault table: the study's database is locked, restarted, silent, or away for good.

Given a search under way; the database takes nothing any more; the person reads that once, and once when it is back;
trials go on and wait in `spool.jsonl`; in the end, or when the study is continued, the database has all of them once.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import RDBStorage

import search.driver.loop
from objectives.messages import TrainingTask
from search.storage import postgres as postgres_driver
from search.storage.database import study_storage
from search.storage.postgres import TimeoutConnection
from search.storage.retry import RetryingSaver
from search.study.stored import open_stored_study
from search.study.study import Study
from spaces.errors import StorageError
from spaces.parameters import find_parameters
from tests.search.driver.test_loop import Stage
from tests.search.fixtures.scripted_workers import Play, steady
from tests.search.fixtures.toy import IMAGES, ListeningProgress, toy_settings, toy_space
from tests.search.storage.test_saving import trials_in
from tests.servers.mariadb import MariaServer
from tests.servers.postgres import PostgresServer

SETTINGS = toy_settings(trials=6, epochs=3)
_longest_seconds = 60.0


@pytest.fixture(autouse=True)
def _saved_after_each_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search.driver.loop, "SAVE_SECONDS", 0.0)


def study_in(storage: RDBStorage, folder: Path) -> Study:
    """Return the toy study of a database, with its spool in the folder of a `Stage`."""
    space = toy_space()
    is_server = storage.engine.url.host is not None  # a server may hold other studies
    settings = replace(SETTINGS, storage=storage.url) if is_server else SETTINGS
    stored = open_stored_study(storage, settings, spool=folder / "toy" / "spool.jsonl")
    parameters = find_parameters(space, images=IMAGES, classes=3)
    return Study(
        stored.study, space=space, parameters=parameters, settings=SETTINGS, images=IMAGES, classes=3, stored=stored
    )


def patience(seconds: float) -> Callable[[Study, ListeningProgress], RetryingSaver]:
    """Return what makes a saving that waits so long in all."""
    return lambda study, progress: RetryingSaver(study, note=progress.note, wait_seconds=seconds)


def stage(storage: RDBStorage, folder: Path, play: Callable[[TrainingTask], Play], *, waits: float) -> Stage:
    """Return a search of that database."""
    return Stage(folder, play, settings=SETTINGS, study=study_in(storage, folder), patience=patience(waits))


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Hold the database as another program that writes would."""
    with closing(sqlite3.connect(database, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


def file_storage(folder: Path) -> Any:
    """Open the database in a file."""
    return study_storage(f"sqlite:///{folder / 'study.db'}")


def during(trial: int, act: Callable[[], None]) -> Callable[[TrainingTask], Play]:
    """Return steady trainings, at the beginning of one of which something happens."""

    def play(task: TrainingTask) -> Play:
        if task.trial == trial:
            act()
        return steady(0.1 * task.trial)

    return play


def entered(storage: RDBStorage) -> list[tuple[str, float | None, int]]:
    """Return state, score and epochs of each trial in a database."""
    return [(trial.state.name, trial.value, len(trial.intermediate_values)) for trial in trials_in(storage)]


ALL = [("COMPLETE", pytest.approx(0.1 * number), 3) for number in range(6)]


def test_a_lock_that_is_let_go_loses_nothing(tmp_path: Path) -> None:
    with file_storage(tmp_path) as storage:
        holding = locked(tmp_path / "study.db")
        let_go = threading.Timer(3.0, lambda: holding.__exit__(None, None, None))

        def lock() -> None:
            holding.__enter__()
            let_go.start()

        searching = stage(storage, tmp_path, during(2, lock), waits=_longest_seconds)
        try:
            searching.search.run()
        finally:
            let_go.join()
        assert entered(storage) == ALL
    away = "database unavailable (database is locked); training continues, 2 trials kept in the run folder's"
    assert [note.partition(" after")[0] for note in searching.progress.notes] == [
        f"{away} spool.jsonl",
        "database available again",
    ]
    assert not (tmp_path / "toy" / "spool.jsonl").exists()


def test_a_lock_that_outlives_all_patience_ends_the_search_and_continuing_enters_what_waited(tmp_path: Path) -> None:
    with file_storage(tmp_path) as storage:
        holding = locked(tmp_path / "study.db")
        first = stage(storage, tmp_path, during(2, lambda: holding.__enter__()), waits=0.0)
        said = "database error: database is locked\n2 trials kept in the run folder's spool.jsonl, to be entered"
        with pytest.raises(StorageError, match=said):
            first.search.run()
        holding.__exit__(None, None, None)
        left = [state for state, _, _ in entered(storage)]
        second = stage(storage, tmp_path, during(99, lambda: None), waits=0.0)
        second.search.run()
        assert (left, second.started) == (["COMPLETE", "RUNNING"], [2, 3, 4, 5])
        assert entered(storage) == ALL
    assert not (tmp_path / "toy" / "spool.jsonl").exists()


def test_results_that_came_while_the_database_was_away_are_entered_and_not_trained_again(tmp_path: Path) -> None:
    with file_storage(tmp_path) as storage:
        holding = locked(tmp_path / "study.db")
        first = stage(storage, tmp_path, during(2, lambda: holding.__enter__()), waits=_longest_seconds)

        def killed(trial: int) -> None:
            if trial == 4:
                raise KeyboardInterrupt

        tell = first.study.tell

        def tell_or_die(trial: Any, record: Any) -> None:
            tell(trial, record)
            killed(record.trial)

        first.study.tell = tell_or_die  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            first.search.run()
        holding.__exit__(None, None, None)
        before = len(entered(storage))
        second = stage(storage, tmp_path, during(99, lambda: None), waits=0.0)
        second.search.run()
        assert (before, first.started, second.started) == (2, [0, 1, 2, 3, 4], [5])
        assert entered(storage) == ALL


@pytest.fixture
def server(database_server: PostgresServer | MariaServer) -> Iterator[PostgresServer | MariaServer]:
    """PostgreSQL, then MariaDB, without the toy study, before and after."""

    def delete_toy() -> None:
        with study_storage(database_server.url) as storage, contextlib.suppress(KeyError):
            optuna.delete_study(study_name=SETTINGS.study, storage=storage)

    delete_toy()
    yield database_server
    delete_toy()


@pytest.mark.slow
def test_a_server_that_restarts_loses_nothing(tmp_path: Path, server: PostgresServer | MariaServer) -> None:
    starting = threading.Timer(2.0, server.start)

    def restart() -> None:
        server.stop()
        starting.start()

    with study_storage(server.url) as storage:
        searching = stage(storage, tmp_path, during(2, restart), waits=_longest_seconds)
        searching.search.run()
        starting.join()
        assert entered(storage) == ALL
    assert [note.partition(" (")[0].partition(" after")[0] for note in searching.progress.notes] == [
        "database unavailable",
        "database available again",
    ]


@pytest.mark.slow
def test_a_server_that_stays_away_ends_the_search_and_continuing_enters_what_waited(
    tmp_path: Path, server: PostgresServer | MariaServer
) -> None:
    with study_storage(server.url) as storage:
        first = stage(storage, tmp_path, during(2, server.stop), waits=2.0)
        with pytest.raises(StorageError, match="trials kept in the run folder's spool.jsonl, to be entered"):
            first.search.run()
    waiting = (tmp_path / "toy" / "spool.jsonl").read_text().count("\n")
    server.start()
    with study_storage(server.url) as storage:
        before = len(entered(storage))
        second = stage(storage, tmp_path, during(99, lambda: None), waits=0.0)
        second.search.run()
        assert (before, waiting, second.started, entered(storage)) == (2, 5, [], ALL)


class Proxy:
    """Passes on what a client and a server say to each other, until it is told to hold its tongue."""

    def __init__(self, port: int) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._to = port
        self._speaks = threading.Event()
        self._speaks.set()
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def hush(self) -> None:
        """Pass on nothing any more; connections stay open, and new ones are taken."""
        self._speaks.clear()

    def speak(self) -> None:
        """Pass on everything again."""
        self._speaks.set()

    def close(self) -> None:
        """Take no connections any more."""
        self._server.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                one, _ = self._server.accept()
                other = socket.create_connection(("127.0.0.1", self._to))
                for source, target in ((one, other), (other, one)):
                    threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError), source, target:
            while said := source.recv(65536):
                self._speaks.wait()
                target.sendall(said)


@pytest.fixture
def proxy(server: PostgresServer | MariaServer) -> Iterator[Proxy]:
    """A proxy before a server."""
    one = Proxy(server.port)
    yield one
    one.speak()
    one.close()


@pytest.mark.slow
def test_a_server_that_no_longer_answers_is_taken_for_away(
    tmp_path: Path, server: PostgresServer | MariaServer, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.storage.postgres.ANSWER_SECONDS", 2.0)
    monkeypatch.setattr("search.storage.database._connect_seconds", 2)
    monkeypatch.setattr("search.storage.database._answer_seconds", 2)
    speaking = threading.Timer(6.0, proxy.speak)

    def hush() -> None:
        proxy.hush()
        speaking.start()

    with study_storage(server.url.replace(str(server.port), str(proxy.port))) as storage:
        searching = stage(storage, tmp_path, during(2, hush), waits=_longest_seconds)
        searching.search.run()
        speaking.join()
        assert entered(storage) == ALL
    away, back = searching.progress.notes
    why = "connection timeout expired" if isinstance(server, PostgresServer) else "timed out"
    assert re.match(rf"database unavailable \(.*{why}\W*\); training continues, 2 trials kept", away)
    assert back.startswith("database available again after")


@pytest.mark.slow
def test_a_network_that_is_half_open_is_found_out_within_a_minute(postgres: PostgresServer) -> None:
    with study_storage(postgres.url) as storage, storage.engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        assert isinstance(raw, TimeoutConnection)
        told = raw.info.get_parameters()
        with socket.socket(fileno=os.dup(raw.fileno())) as wire:
            idle, between, count, unanswered = (
                wire.getsockopt(socket.IPPROTO_TCP, option)
                for option in (
                    socket.TCP_KEEPIDLE,
                    socket.TCP_KEEPINTVL,
                    socket.TCP_KEEPCNT,
                    socket.TCP_USER_TIMEOUT,
                )
            )
            assert wire.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert told["connect_timeout"] == "10"
    assert idle + between * count <= 60
    assert unanswered <= 60_000
    assert postgres_driver.ANSWER_SECONDS <= 60
