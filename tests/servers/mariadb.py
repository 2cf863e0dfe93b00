"""A private MariaDB server for tests, which speaks MySQL: 127.0.0.1, a free port, a password, gone at the end."""

from __future__ import annotations

import gc
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.needs import not_here
from tests.servers.postgres import free_port

_start_seconds = 60.0


@dataclass(kw_only=True)
class MariaServer:
    """A server; the account that tests have, and its database, are both called tamiz."""

    port: int
    password: str
    folder: Path
    """Holds the data and the log."""
    user: str | None
    """Account that the server runs as; None: the one that runs the tests."""
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """The server's database as an Optuna storage URL, password included."""
        return f"mysql+pymysql://tamiz:{self.password}@127.0.0.1:{self.port}/tamiz"

    @property
    def _as(self) -> list[str]:
        return [f"--user={self.user}"] if self.user else []

    def make(self) -> None:
        """Make the data and the account."""
        made = subprocess.run(
            ["mariadb-install-db", "--no-defaults", "--skip-test-db", f"--datadir={self.folder / 'data'}", *self._as],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if made.returncode:
            raise RuntimeError(f"mariadb-install-db ended with {made.returncode}:\n{made.stdout}{made.stderr}")
        (self.folder / "account.sql").write_text(
            "CREATE DATABASE IF NOT EXISTS tamiz;\n"
            f"CREATE USER IF NOT EXISTS tamiz@'127.0.0.1' IDENTIFIED BY '{self.password}';\n"
            "GRANT ALL ON tamiz.* TO tamiz@'127.0.0.1';\n"
        )

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = {
            "datadir": self.folder / "data",
            "socket": self.folder / "data" / "socket",
            "pid-file": self.folder / "data" / "pid",
            "log-error": self.folder / "data" / "log",
            "init-file": self.folder / "account.sql",
            "bind-address": "127.0.0.1",
            "port": self.port,
            "innodb-buffer-pool-size": "32M",
            "innodb-flush-log-at-trx-commit": 2,  # what was committed outlives the process, not the machine
        }
        given = [f"--{name}={value}" for name, value in options.items()]
        self._process = subprocess.Popen(
            [
                "mariadbd",
                "--no-defaults",
                "--skip-name-resolve",
                *given,
                *([f"--user={self.user}"] if self.user else []),
            ],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _start_seconds
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"mariadbd does not answer:\n{(self.folder / 'data' / 'log').read_text()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop the server at once, as a crash would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as wire:
                return len(wire.recv(4)) == 4
        except OSError:
            return False


@pytest.fixture
def mariadb(mariadb_server: MariaServer) -> Iterator[MariaServer]:
    """This session's MariaDB server; a test that leaves a connection open fails itself, not a later test."""
    yield mariadb_server
    gc.collect()


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaServer]:
    """A MariaDB server of its own for this test session."""
    with running_server() as server:
        yield server


@contextmanager
def running_server() -> Iterator[MariaServer]:
    """Start a server, and leave nothing of it."""
    if shutil.which("mariadbd") is None or shutil.which("mariadb-install-db") is None:
        not_here("a MariaDB server", debian_package="mariadb-server")
    folder = Path(tempfile.mkdtemp(prefix="tamiz-mariadb-"))
    user = "mysql" if os.geteuid() == 0 else None  # MariaDB refuses to run as root
    if user:
        shutil.chown(folder, user, user)
    try:
        server = MariaServer(port=free_port(), password=secrets.token_hex(), folder=folder, user=user)
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)
