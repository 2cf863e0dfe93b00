"""Connections to PostgreSQL with a timeout for each answer.

Keepalives and `tcp_user_timeout` detect a network that drops packets. They don't detect a server that is stopped, or a
proxy that lost its server: those still acknowledge every packet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
import sqlalchemy
from psycopg.abc import PQGen

R = TypeVar("R")

ANSWER_SECONDS = 30.0
"""Longest time for one answer; writing a batch of results takes a fraction of a second."""


class TimeoutConnection(psycopg.Connection[Any]):
    """A connection that is closed when an answer does not come in time, or the wait is interrupted."""

    def wait(self, gen: PQGen[R], interval: float = 0.1, timeout: float | None = None) -> R:
        """Wait for the server; psycopg calls this for each request."""
        try:
            return super().wait(gen, interval, ANSWER_SECONDS if timeout is None else timeout)
        except psycopg.Error as error:
            if error.sqlstate is not None:  # the server answered, with an error
                raise
            self.close()
            raise psycopg.OperationalError(
                str(error) or f"the server has not answered for {ANSWER_SECONDS:.0f} seconds"
            ) from error
        except BaseException:
            self.close()
            raise


def connector(url: str, options: dict[str, int]) -> Callable[[], TimeoutConnection] | None:
    """Return a function that opens a connection to the server of a URL; None if the URL is not for psycopg.

    Args:
        url: a URL of SQLAlchemy.
        options: of libpq, in addition to those in the URL.
    """
    parsed = sqlalchemy.make_url(url)
    dialect = parsed.get_dialect()
    if (parsed.get_backend_name(), dialect.driver) != ("postgresql", "psycopg"):
        return None
    positional, named = dialect().create_connect_args(parsed)
    return lambda: TimeoutConnection.connect(*positional, **{**named, **options})
