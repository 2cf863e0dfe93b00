"""The databases that studies are kept in, and how they go away for a while."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tests.servers.postgres import PostgresServer

VARIABLE = "TAMIZ_CHAOS_DATABASE"
"""Holds a server's address, password included."""


class Database(Protocol):
    """Where one study is kept."""

    @property
    def url(self) -> str:
        """Its address for Optuna."""

    @property
    def options(self) -> tuple[str, ...]:
        """What a person adds to the command line for it."""

    @property
    def environment(self) -> dict[str, str]:
        """What a person adds to the environment for it."""

    def go_away(self) -> bool:
        """Take nothing any more; False where there is nothing yet that could."""

    def come_back(self) -> None:
        """Take everything again."""


@dataclass(kw_only=True)
class SqliteFile:
    """The study's own file; it goes away while another program writes to it."""

    path: Path
    options: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    _other: sqlite3.Connection | None = None

    @property
    def url(self) -> str:
        """Its address for Optuna."""
        return f"sqlite:///{self.path}"

    def go_away(self) -> bool:
        """Lock it."""
        if self._other is not None or not self.path.exists() or not self.path.stat().st_size:
            return False
        other = sqlite3.connect(f"{self.path.as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=0)
        try:
            other.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:  # the driver writes at this moment
            other.close()
            return False
        self._other = other
        return True

    def come_back(self) -> None:
        """Let it go."""
        if self._other is not None:
            self._other.close()
            self._other = None


@dataclass(kw_only=True)
class Server:
    """PostgreSQL; it goes away as in a crash, and comes back after recovery."""

    server: PostgresServer
    _is_away: bool = False

    @property
    def url(self) -> str:
        """Its address for Optuna."""
        return self.server.url

    @property
    def options(self) -> tuple[str, ...]:
        """Name the variable that holds the address."""
        return ("--storage", f"env:{VARIABLE}")

    @property
    def environment(self) -> dict[str, str]:
        """The address."""
        return {VARIABLE: self.server.url}

    def go_away(self) -> bool:
        """Stop the server at once."""
        if self._is_away:
            return False
        self.server.stop()
        self._is_away = True
        return True

    def come_back(self) -> None:
        """Start it."""
        if self._is_away:
            self.server.start()
            self._is_away = False
