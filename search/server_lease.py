"""The lease of a study that is on a PostgreSQL server: drivers with other run folders, on other machines, see it there.

It is an advisory lock of the server, which ends with the connection that holds it, however that ends. Who holds it is
the connection's application name. Other databases have none: a run folder's own lease, and the count of trials that
each save looks at, are all there is.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec

import sqlalchemy
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from search.lease import Holder
from search.storage import bare_engine
from spaces.errors import StudyConflictError

_looks_seconds = 10.0
_name_bytes = 63
_lost_after = "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3"
"""A machine that went away without a word holds nothing for longer than a minute."""
_held_by = """
    SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
    AND (classid::bigint << 32) | objid::bigint = :key
"""


@contextmanager
def server_lease(url: str, study: str, holder: Holder) -> Iterator[None]:
    """Be the only driver of a study on its server, as `holder`, until leaving; nothing for other databases.

    The server may be away, now or later: the lock is taken as soon as it is back.

    Raises:
        StudyConflictError: another driver is; says who, and how to help it.
    """
    if not url.startswith("postgres") or find_spec("psycopg") is None:  # which opening the study will say
        yield
        return
    lock = _Lock(url, study, holder)
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


class _Lock:
    def __init__(self, url: str, study: str, holder: Holder) -> None:
        self._engine = bare_engine(url)
        self._study = study
        self._name = holder.in_words.encode()[:_name_bytes].decode(errors="ignore")
        digest = hashlib.sha256(f"tamiz:{study}".encode()).digest()
        self._key = int.from_bytes(digest[:8], signed=True)
        self._connection: Connection | None = None

    def take(self) -> None:
        """Lock the study, unless the server is away; raises StudyConflictError."""
        with suppress(SQLAlchemyError), ExitStack() as unless_locked:
            connection = unless_locked.enter_context(self._engine.connect())
            connection.execute(sqlalchemy.text(_lost_after))
            connection.execute(
                sqlalchemy.text("SELECT set_config('application_name', :name, false)"), {"name": self._name}
            )
            key = {"key": self._key}
            is_locked = connection.execute(sqlalchemy.text("SELECT pg_try_advisory_lock(:key)"), key).scalar()
            if not is_locked:
                raise self._busy(connection.execute(sqlalchemy.text(_held_by), key).scalar())
            connection.commit()
            self._connection = connection
            unless_locked.pop_all()

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
