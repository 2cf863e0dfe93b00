"""Row 8 of the fault table: Ray itself is gone in the middle of a search.

Given a search on a Ray of its own; the fault is that one of Ray's servers is killed; within a minute the search ends
with 5, the person reads that the cluster is gone and how to go on, and what had ended is kept.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from search.ray_pulse import Pulse
from tests.faults.test_stops import wait
from tests.search.test_driver import SMALL_SPACE


@pytest.mark.slow
@pytest.mark.parametrize("server", ["gcs_server", "raylet"])
def test_a_search_whose_ray_is_gone_ends_within_a_minute(tmp_path: Path, server: str) -> None:
    (tmp_path / "small.py").write_text(SMALL_SPACE)
    what = ["--space", str(tmp_path / "small.py"), "--study", "s", "--trials", "100000", "--workers", "1"]
    command = [sys.executable, "-m", "search", "run", *what, "--runs", str(tmp_path), "--epochs", "2"]
    searching = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    wait(searching, (tmp_path / "s" / "trials" / "0001" / "result.json").exists)
    (killed,) = [one for one in psutil.Process(searching.pid).children(recursive=True) if one.name() == server]
    killed.kill()
    began = time.monotonic()
    _, said = searching.communicate(timeout=100)
    seconds = time.monotonic() - began
    lines = [line for line in said.splitlines() if not line.startswith("[")]
    assert (searching.returncode, seconds < 60) == (5, True), f"{seconds:.0f} s\n{said}"
    assert lines[-2].endswith("is gone; what is finished is kept")
    assert lines[-1] == f"resume with: python -m search resume s --runs {tmp_path}"


@contextmanager
def head(*, answers: bool) -> Iterator[str]:
    """Listen as a head does, and answer like one, or not at all."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(99)
                    if answers:
                        connection.sendall(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
                    else:
                        time.sleep(0.2)

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[str]:
    """Path of a socket on which somebody listens."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "raylet"))
        listening.listen()
        yield str(tmp_path / "raylet")


def felt(pulse: Pulse, times: int) -> bool:
    """Return whether the cluster is given up after so many tries."""
    for _ in range(times):
        pulse.feel()
    return pulse.is_gone


def test_a_head_that_answers_lives(node: str) -> None:
    with head(answers=True) as address:
        assert not felt(Pulse(address=address, node_socket=node), 10)


def test_a_head_that_is_gone_is_given_up_after_several_tries(node: str) -> None:
    pulse = Pulse(address="127.0.0.1:1", node_socket=node)
    assert (felt(pulse, 7), felt(pulse, 1)) == (False, True)


def test_a_head_that_is_stopped_is_given_up_too(node: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.ray_pulse._answer_seconds", 0.05)
    with head(answers=False) as address:
        pulse = Pulse(address=address, node_socket=node)
        assert (felt(pulse, 5), felt(pulse, 1)) == (False, True)


def test_a_driver_whose_own_node_is_gone_has_no_cluster(tmp_path: Path) -> None:
    with head(answers=True) as address:
        assert felt(Pulse(address=address, node_socket=str(tmp_path / "none")), 1)


def test_misses_long_ago_do_not_count(node: str) -> None:
    with head(answers=True) as address:
        pulse = Pulse(address="127.0.0.1:1", node_socket=node)
        felt(pulse, 7)
        pulse.address = address
        felt(pulse, 1)
        pulse.address = "127.0.0.1:1"
        assert not felt(pulse, 7)
