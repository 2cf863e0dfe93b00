"""A cluster as people start it: the `ray start` command line, in a clean shell, on two nodes of this machine."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

_root = Path(__file__).parents[2]
_python = Path(sys.executable)
_wrong = "1" * 64


@dataclass(frozen=True, kw_only=True)
class _Cluster:
    address: str
    folder: Path
    token: str | None

    def run(self, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Search on it in a clean shell, as README does."""
        command = ["-m", "search", "run", "--space", "cnn_cifar", "--data", "digits", "--trials", "1", "--epochs", "1"]
        return _in_clean_shell(
            [str(_python), *command, "--ray-address", self.address, *options], self.folder, environment
        )


def _in_clean_shell(
    command: list[str], home: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    clean = {"HOME": str(home), "PATH": os.defpath, "PYTHONPATH": str(_root)}
    return subprocess.run(
        command, cwd=home, env=clean | (environment or {}), capture_output=True, text=True, timeout=120, check=False
    )


def _ray_start(*options: str, folder: Path, **environment: str) -> None:
    command = [str(_python.with_name("ray")), "start", "--num-cpus=1", "--object-store-memory=100000000", *options]
    started = _in_clean_shell(command, folder, {"RAY_worker_niceness": "0"} | environment)
    assert started.returncode == 0, started.stdout + started.stderr


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _stop(folder: Path) -> None:
    """Kill the processes of the clusters in a folder; `ray stop` would kill those of other people too."""
    deadline = time.monotonic() + 20
    while (found := [one for one in psutil.process_iter() if _is_below(one, folder)]) and time.monotonic() < deadline:
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(found, timeout=1)


def _is_below(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.environ().get("HOME") == str(folder)
    except psutil.Error:
        return False


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(True, id="with a token", marks=[pytest.mark.slow, pytest.mark.promise]),
        pytest.param(False, id="without a token", marks=pytest.mark.slow),
    ],
)
def cluster(request: pytest.FixtureRequest) -> Iterator[_Cluster]:
    """Two nodes with one processor each; a token is made before, or there is none."""
    folder = Path(tempfile.mkdtemp(prefix="tzc-", dir="/tmp"))  # short, for Ray's sockets
    token = secrets.token_hex(32) if request.param else None
    if token is not None:
        (folder / ".ray").mkdir()
        (folder / ".ray" / "auth_token").write_text(token)
    address = f"127.0.0.1:{_free_port()}"
    try:
        _ray_start(
            "--head",
            "--node-ip-address=127.0.0.1",
            f"--port={address.partition(':')[2]}",
            f"--temp-dir={folder / 'r'}",
            "--include-dashboard=false",
            folder=folder,
        )
        # Without the mode the second node sends no token, unlike the head.
        _ray_start(f"--address={address}", folder=folder, **({"RAY_AUTH_MODE": "token"} if token else {}))
        yield _Cluster(address=address, folder=folder, token=token)
    finally:
        _stop(folder)
        shutil.rmtree(folder, ignore_errors=True)


def test_a_search_joins_two_nodes_as_the_guide_says(cluster: _Cluster) -> None:
    done = cluster.run("--workers", "2", "--study", "joined")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 trial of up to 1 epoch, 2 workers" in done.stdout + done.stderr


def test_the_token_of_a_variable_or_a_file_is_judged_by_a_cluster_that_asks_for_one(cluster: _Cluster) -> None:
    if cluster.token is None:
        pytest.skip("this cluster asks for none")
    file = cluster.folder / "token.txt"
    file.write_text(cluster.token)
    elsewhere = cluster.folder / "elsewhere"
    elsewhere.mkdir()
    begun = time.monotonic()
    refused = cluster.run("--study", "refused", RAY_AUTH_TOKEN=_wrong)
    took_seconds = time.monotonic() - begun
    assert (refused.returncode, took_seconds < 10) == (2, True), took_seconds
    assert f"error: the Ray cluster at {cluster.address} refuses the token of RAY_AUTH_TOKEN\n" in refused.stderr
    without = cluster.run("--study", "without", RAY_AUTH_TOKEN_PATH=str(cluster.folder / "no such file"))
    assert without.returncode == 2
    assert f"error: the Ray cluster at {cluster.address} asks for a token, and there is none here\n" in without.stderr
    by_path = cluster.run("--study", "by-path", RAY_AUTH_TOKEN_PATH=str(file), HOME=str(elsewhere))
    assert by_path.returncode == 0, by_path.stdout + by_path.stderr


def test_a_cluster_without_tokens_is_joined_by_a_machine_that_has_one(cluster: _Cluster) -> None:
    if cluster.token is not None:
        pytest.skip("this cluster asks for a token")
    done = cluster.run("--study", "open", RAY_AUTH_TOKEN=_wrong, RAY_AUTH_MODE="token")
    assert done.returncode == 0, done.stdout + done.stderr
