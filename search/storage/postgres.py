"""Connections to PostgreSQL that end when the server no longer answers.

What the system can tell of a connection, keepalives and `tcp_user_timeout` find out about: a network that drops
everything. A server that is stopped, and a proxy that has lost the way to it, still acknowledge every packet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
import sqlalchemy
from psycopg.abc import PQGen

R = TypeVar("R")

ANSWER_SECONDS = 30.0
"""So long one answer may take; a batch of results is written in a fraction of one."""


class TimeoutConnection(psycopg.Connection[Any]):
    """One that is closed when an answer does not come, or when somebody interrupts the waiting."""

    def wait(self, gen: PQGen[R], interval: float = 0.1, timeout: float | None = None) -> R:
        """Wait for the server; psycopg calls this for whatever it asks."""
        try:
            return super().wait(gen, interval, ANSWER_SECONDS if timeout is None else timeout)
        except psycopg.Error as error:
            if error.sqlstate is not None:  # the server said so
                raise
            self.close()
            raise psycopg.OperationalError(
                str(error) or f"the server has not answered for {ANSWER_SECONDS:.0f} seconds"
            ) from error
        except BaseException:
            self.close()
            raise


def connecting(url: str, options: dict[str, int]) -> Callable[[], TimeoutConnection] | None:
    """Return what opens a connection to the server of a URL; None: it is no URL for psycopg.

    Args:
        url: SQLAlchemy's.
        options: of libpq, beside those in the URL.
    """
    parsed = sqlalchemy.make_url(url)
    dialect = parsed.get_dialect()
    if (parsed.get_backend_name(), dialect.driver) != ("postgresql", "psycopg"):
        return None
    positional, named = dialect().create_connect_args(parsed)
    return lambda: TimeoutConnection.connect(*positional, **{**named, **options})
