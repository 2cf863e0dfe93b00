"""Lock of a study on a database server, which drivers with other run folders or on other machines see.

PostgreSQL calls such a lock advisory and MySQL user-level: it ends with the connection that holds it, however that
ends. A study in a file is locked by its run folder alone (`search.lease.folder_lock`).
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec

import sqlalchemy
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from search.lease.folder_lock import Holder, StudyBusyError
from search.storage.database import bare_engine

_looks_seconds = 10.0
# PostgreSQL cuts application names to this length.
_name_bytes = 63


@dataclass(frozen=True, kw_only=True)
class _Dialect:
    """SQL of one kind of server; `:key` is the lock, `:name` the driver in words, where a statement uses them."""

    begin: tuple[str, ...]
    """Names the connection where possible; the server drops it within a minute when the machine is gone."""
    take: str
    """Returns 1 or true if the lock was acquired."""
    held_by: str
    """Returns the holder, if the server lets us know."""


_postgresql = _Dialect(
    begin=(
        "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3",
        "SELECT set_config('application_name', :name, false)",
    ),
    take="SELECT pg_try_advisory_lock(:key)",
    held_by="""
        SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
        WHERE locktype = 'advisory' AND granted AND objsubid = 1
        AND (classid::bigint << 32) | objid::bigint = :key
    """,
)
_mysql = _Dialect(
    begin=("SET SESSION wait_timeout = 60",),
    take="SELECT GET_LOCK(concat(:key, left(sha2(database(), 256), 16)), 0)",  # such locks belong to the whole server
    held_by="""
        SELECT concat('a process on ', substring_index(host, ':', 1)) FROM information_schema.processlist
        WHERE id = IS_USED_LOCK(concat(:key, left(sha2(database(), 256), 16)))
    """,
)


@contextmanager
def server_lease(url: str, study: str, holder: Holder) -> Iterator[None]:
    """Hold the lock of a study on its server until leaving; does nothing for other databases.

    The server may be unavailable, now or later: the lock is acquired as soon as it answers again.

    Raises:
        StudyBusyError: another process holds it.
    """
    lock = _lock_of(url, study, holder)
    if lock is None:
        yield
        return
    lock.take()
    over = threading.Event()
    watch = threading.Thread(target=lock.hold_until, args=(over,), name="server-lease", daemon=True)
    watch.start()
    try:
        yield
    finally:
        over.set()
        watch.join()
        lock.close()


def _lock_of(url: str, study: str, holder: Holder) -> _Lock | None:
    """Return the lock; None for files, and where a driver package is missing, which opening the study reports."""
    digest = hashlib.sha256(f"tamiz:{study}".encode())
    if url.startswith("postgres") and find_spec("psycopg"):
        return _Lock(url, study, holder, _postgresql, key=int.from_bytes(digest.digest()[:8], signed=True))
    if url.partition("://")[0].endswith("+pymysql") and find_spec("pymysql"):
        return _Lock(url, study, holder, _mysql, key=f"tamiz {digest.hexdigest()[:32]} ")
    return None


class _Lock:
    def __init__(self, url: str, study: str, holder: Holder, dialect: _Dialect, *, key: int | str) -> None:
        self._engine = bare_engine(url)
        self._study = study
        self._dialect = dialect
        self._given = {"key": key, "name": holder.in_words.encode()[:_name_bytes].decode(errors="ignore")}
        self._connection: Connection | None = None

    def take(self) -> None:
        """Lock the study, unless the server is unavailable; raises StudyBusyError."""
        with suppress(SQLAlchemyError), ExitStack() as unless_locked:
            connection = unless_locked.enter_context(self._engine.connect())
            for statement in self._dialect.begin:
                self._asked(connection, statement)
            if not self._asked(connection, self._dialect.take):
                raise self._busy(self._asked(connection, self._dialect.held_by))
            connection.commit()
            self._connection = connection
            unless_locked.pop_all()

    def _asked(self, connection: Connection, statement: str) -> object:
        """Execute a statement and return its first value, if it returns any."""
        given = {name: value for name, value in self._given.items() if f":{name}" in statement}
        found = connection.execute(sqlalchemy.text(statement), given)
        return found.scalar() if found.returns_rows else None

    def _busy(self, by: object) -> StudyBusyError:
        return StudyBusyError(self._study, f"{by or 'another process'}, with another run folder")

    def hold_until(self, over: threading.Event) -> None:
        """Acquire the lock again whenever the connection was lost."""
        while not over.wait(_looks_seconds):
            try:
                if self._connection is not None:
                    self._connection.execute(sqlalchemy.text("SELECT 1"))
                    self._connection.commit()
            except SQLAlchemyError:
                self.close()
            if self._connection is None:
                with suppress(StudyBusyError):  # the next save then finds trials that it does not know
                    self.take()

    def close(self) -> None:
        """Release the lock."""
        if self._connection is not None:
            with suppress(SQLAlchemyError):
                self._connection.close()
            self._connection = None
