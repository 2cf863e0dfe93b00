"""A private PostgreSQL server for tests: 127.0.0.1, a free port, a password, gone at the end."""

from __future__ import annotations

import gc
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from natsort import natsorted

from tests.needs import not_here


@dataclass(frozen=True, kw_only=True)
class PostgresServer:
    """A running server; its only role, and its database, are both called tamiz."""

    port: int
    password: str
    programs: Path
    """Folder of `pg_ctl` and the like."""
    folder: Path
    """Holds the data and the log."""
    user: str | None
    """Account that the server runs as; None: the one that runs the tests."""

    @property
    def url(self) -> str:
        """The server's database as an Optuna storage URL, password included."""
        return f"postgresql+psycopg://tamiz:{self.password}@127.0.0.1:{self.port}/postgres"

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs on the data, as the server's user; a failure shows its output."""
        output = self.folder / "output.txt"  # not a pipe: the server would keep it open
        with output.open("wb") as stream:
            ended = subprocess.run(
                [self.programs / program, "--pgdata", self.folder / "data", *arguments],
                cwd=self.folder,
                user=self.user,
                group=self.user,
                extra_groups=[] if self.user else None,
                stdout=stream,
                stderr=stream,
                check=False,
                timeout=120,
            )
        if ended.returncode:
            raise RuntimeError(f"{program} ended with {ended.returncode}:\n{output.read_text()}")

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories='' -c fsync=off"
        self.run("pg_ctl", "start", "--wait", "--options", options, "--log", str(self.folder / "server.log"))

    def stop(self) -> None:
        """Stop the server at once, as a crash would."""
        self.run("pg_ctl", "stop", "--wait", "--mode", "immediate")


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> Iterator[PostgresServer]:
    """This session's PostgreSQL server; a test that leaves a connection open fails itself, not a later test."""
    yield postgres_server
    gc.collect()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server of its own for this test session."""
    with running_server() as server:
        yield server


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    """Start a server, and leave nothing of it."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="tamiz-postgres-"))
    try:
        yield from _serve(programs, folder)
    finally:
        shutil.rmtree(folder)


def _serve(programs: Path, folder: Path) -> Iterator[PostgresServer]:
    user = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    server = PostgresServer(port=free_port(), password=secrets.token_hex(), programs=programs, folder=folder, user=user)
    password_file = folder / "password"
    password_file.write_text(server.password)
    if user:
        shutil.chown(folder, user, user)
        shutil.chown(password_file, user, user)
    server.run(
        *("initdb", "--username=tamiz", f"--pwfile={password_file}", "--auth=scram-sha-256"),
        *("--encoding=UTF8", "--locale=C", "--no-sync"),
    )
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _programs() -> Path:
    on_path = shutil.which("pg_ctl")
    if on_path:
        return Path(on_path).resolve().parent
    debian = natsorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=str)
    if not debian:
        not_here("a PostgreSQL server", debian_package="postgresql")
    return debian[-1].parent


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
