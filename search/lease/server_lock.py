"""The lease of a study that is on a server: drivers with other run folders, on other machines, see it there.

It is a lock that PostgreSQL calls advisory and MySQL user-level: it ends with the connection that holds it, however
that ends. A file's lease is its run folder's.
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

from search.lease.folder_lock import Holder
from search.storage.database import bare_engine
from spaces.errors import StudyConflictError

_looks_seconds = 10.0
_name_bytes = 63


@dataclass(frozen=True, kw_only=True)
class _Dialect:
    """How a server is spoken to; of `:key`, the lock, and `:name`, the driver in words, each takes what it needs."""

    begin: tuple[str, ...]
    """Names the connection, where there is a way; a machine that went away without a word holds nothing for longer
    than a minute."""
    take: str
    """Gives 1 or true if the lock is ours now."""
    held_by: str
    """Gives who has the lock, if that may be known."""


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
    take="SELECT GET_LOCK(concat(:key, left(sha2(database(), 256), 16)), 0)",  # such locks are the whole server's
    held_by="""
        SELECT concat('a process on ', substring_index(host, ':', 1)) FROM information_schema.processlist
        WHERE id = IS_USED_LOCK(concat(:key, left(sha2(database(), 256), 16)))
    """,
)


@contextmanager
def server_lease(url: str, study: str, holder: Holder) -> Iterator[None]:
    """Be the only driver of a study on its server, as `holder`, until leaving; nothing for other databases.

    The server may be away, now or later: the lock is taken as soon as it is back.

    Raises:
        StudyConflictError: another driver is; says who, and how to help it.
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
    """Return the lock of a study on a server; None for files, and where opening the study will say what is missing."""
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
        """Lock the study, unless the server is away; raises StudyConflictError."""
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
        """Execute a statement; return the first value that it gives, if it gives any."""
        given = {name: value for name, value in self._given.items() if f":{name}" in statement}
        found = connection.execute(sqlalchemy.text(statement), given)
        return found.scalar() if found.returns_rows else None

    def _busy(self, by: object) -> StudyConflictError:
        return StudyConflictError(
            f"study '{self._study}' is being run by {by or 'another process'}, with another run folder.\n"
            "To help it, make this machine part of its Ray cluster, and ask for more workers where it runs:\n"
            "  here:  ray start --address=HEAD:6379 (where it was begun with --ray-address HEAD:6379)\n"
            f"  there: python -m search resume {self._study} --join --workers N\n"
            "Or choose another --study."
        )

    def hold_until(self, over: threading.Event) -> None:
        """Take the lock again whenever the server has lost it."""
        while not over.wait(_looks_seconds):
            try:
                if self._connection is not None:
                    self._connection.execute(sqlalchemy.text("SELECT 1"))
                    self._connection.commit()
            except SQLAlchemyError:
                self._let_go()
            if self._connection is None:
                with suppress(StudyConflictError):  # whoever saves next finds trials that it does not know
                    self.take()

    def close(self) -> None:
        """Give the lock back."""
        self._let_go()

    def _let_go(self) -> None:
        if self._connection is not None:
            with suppress(SQLAlchemyError):
                self._connection.close()
            self._connection = None
