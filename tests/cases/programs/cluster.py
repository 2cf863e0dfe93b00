"""A cluster as people start it: the `ray start` command line, two nodes on this machine, with or without a token."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from tests.cases.shell import Case, Ended, Shell, expect

WRONG_TOKEN = "1" * 64


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Two nodes with one processor each."""

    address: str
    shell: Shell
    """Of the account that started it, whose ~/.ray has the token, if there is one."""

    def search(self, study: str, *options: str, **environment: str) -> Ended:
        """Search on the cluster as the guide says."""
        run = "run --space cnn_cifar --data digits --trials 1 --epochs 1"
        shell = replace(self.shell, environment=environment)
        return shell.search(run, "--study", study, "--ray-address", self.address, *options)


@contextlib.contextmanager
def started(shell: Shell, *, token: str | None) -> Iterator[Cluster]:
    """Start a cluster in a folder whose name is short enough for Ray's sockets, and kill it at the end."""
    folder = Path(tempfile.mkdtemp(prefix="tzc-", dir="/tmp"))
    shell = replace(shell, folder=folder)
    home = Path(shell.variables()["HOME"])
    if token is not None:
        (home / ".ray").mkdir()
        (home / ".ray" / "auth_token").write_text(token)
    address = f"127.0.0.1:{_free_port()}"
    head = (
        "--head",
        "--node-ip-address=127.0.0.1",
        f"--port={address.partition(':')[2]}",
        f"--temp-dir={folder / 'r'}",
    )
    try:
        _ray_start(shell, *head, "--include-dashboard=false")
        # Without the mode the second node sends no token, unlike the head
        _ray_start(replace(shell, environment={"RAY_AUTH_MODE": "token"} if token else {}), f"--address={address}")
        yield Cluster(address=address, shell=shell)
    finally:
        _kill(home)
        shutil.rmtree(folder, ignore_errors=True)


def _ray_start(shell: Shell, *options: str) -> None:
    command = (str(Path(sys.executable).with_name("ray")), "start", "--num-cpus=1", "--object-store-memory=100000000")
    done = subprocess.run(
        [*command, *options],
        cwd=shell.folder,
        env=shell.variables() | {"RAY_worker_niceness": "0"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    expect(done.returncode == 0, f"ray start: {done.stdout[-300:]}{done.stderr[-300:]}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _kill(home: Path) -> None:
    """Kill the cluster's processes; `ray stop` would kill those of other people too."""
    deadline = time.monotonic() + 20
    while (found := [one for one in psutil.process_iter() if _lives_in(one, home)]) and time.monotonic() < deadline:
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(found, timeout=1)


def _lives_in(process: psutil.Process, home: Path) -> bool:
    try:
        return process.environ().get("HOME") == str(home)
    except psutil.Error:
        return False


def with_token(shell: Shell) -> None:
    """A cluster that asks for a token: from ~/.ray, a file or a variable, a wrong one, and none."""
    token = secrets.token_hex(32)
    with started(shell, token=token) as cluster:
        for package in ("reports", "objectives", "spaces"):  # which the workers must not take for ours
            (cluster.shell.folder / package).mkdir()
            (cluster.shell.folder / package / "__init__.py").write_text("raise RuntimeError('a file of the user')")
        joined = cluster.search("joined", "--workers", "2", "--trials", "2")
        joined.expect(0, "2 trials of up to 1 epoch, 2 workers", "2 of 2 trials: 2 complete")  # one on each node
        refused = cluster.search("refused", RAY_AUTH_TOKEN=WRONG_TOKEN)
        refused.expect(2, f"error: the Ray cluster at {cluster.address} refuses the token of RAY_AUTH_TOKEN\n")
        expect(refused.seconds < 10, f"a wrong token was refused after {refused.seconds:.0f} s")
        without = cluster.search("without", RAY_AUTH_TOKEN_PATH=str(cluster.shell.folder / "no such file"))
        without.expect(2, f"error: the Ray cluster at {cluster.address} asks for a token, and there is none here\n")
        file, elsewhere = cluster.shell.folder / "token.txt", cluster.shell.folder / "elsewhere"
        file.write_text(token)
        elsewhere.mkdir()
        cluster.search("by-path", RAY_AUTH_TOKEN_PATH=str(file), HOME=str(elsewhere)).expect(0)


def without_token(shell: Shell) -> None:
    """A cluster without tokens, joined by accounts without a token and with one."""
    with started(shell, token=None) as cluster:
        cluster.search("joined", "--workers", "2").expect(0, "1 trial of up to 1 epoch, 2 workers")
        cluster.search("open", RAY_AUTH_TOKEN=WRONG_TOKEN, RAY_AUTH_MODE="token").expect(0)


CASES = (
    Case(name="ray-start-with-a-token", play=with_token, is_promise=True),
    Case(name="ray-start-without-a-token", play=without_token),
)
