"""Rows 7 and 8 of the fault table: a machine of a cluster is lost, or Ray itself is gone, in the middle of a search.

Given a search on a cluster; the fault is that its only machine with workers is lost, or no longer answers; the person
reads that, and the search goes on when there is a machine again, or ends with 5. Given a search on its own Ray; the
fault is that one of Ray's servers is killed; within a minute the search ends with 5, and the person reads how to go on.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from search.driver.run import run_search
from search.settings import RunSettings
from search.system.output_capture import only_own_lines
from search.workers.ray_backend.health import HealthCheck, WorkerAbsence
from spaces.catalogue import find_space
from spaces.errors import StorageError
from spaces.space import Parameters
from tests.faults.driver.test_stops import wait
from tests.needs import not_here
from tests.search.driver.test_driver import SMALL_SPACE
from tests.search.fixtures.toy import ListeningProgress


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
    assert lines[-2].endswith("is gone; finished trials are kept")
    assert lines[-1] == f"resume with: python -m search resume s --runs {tmp_path}"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A Ray cluster whose head has no processor to spare, and no other node."""
    from ray.cluster_utils import Cluster

    os.environ.setdefault("RAY_worker_niceness", "0")  # else workers starve beside anything else that is busy
    with tempfile.TemporaryDirectory(prefix="tamiz-cluster-") as folder, only_own_lines(Path(folder, "log.txt")):
        looks = {"health_check_period_ms": 1000, "health_check_timeout_ms": 3000}  # Ray's own: 3 and 10 seconds
        of_head = {
            "num_cpus": 0,
            "include_dashboard": False,
            "object_store_memory": 100 * 2**20,
            "_system_config": looks,
        }
        cluster = Cluster(initialize_head=True, head_node_args=of_head)
        yield cluster
        cluster.shutdown()


@dataclass
class Losing(ListeningProgress):
    """Lets the cluster's only node with a processor die in the second trial, or only stop, and perhaps another come."""

    cluster: Any = None
    node: Any = None
    comes_back: bool = True
    machine: str = "gone"
    stopped: list[psutil.Process] = field(default_factory=list)
    seconds: float = 0.0

    def clock(self) -> float:
        """Return a time that passes only while the node is lost, five seconds with each look."""
        self.seconds += 5.0 if self.node is None else 0.0
        return self.seconds

    def trial_started(
        self, trial: int, params: Parameters, *, worker: int, title: str = "", epochs: int | None = None
    ) -> None:
        """Lose it once."""
        if trial == 1 and self.node is not None:
            raylet = psutil.Process(self.node.all_processes["raylet"][0].process.pid)
            workers = raylet.children(recursive=True)
            if self.machine == "silent":
                self.stopped = [raylet, *workers]
                for one in self.stopped:
                    one.suspend()
                self.node = None
                return
            self.cluster.remove_node(self.node, allow_graceful=False)
            psutil.wait_procs(workers, timeout=30.0)  # they outlive it for a moment, and a trial is as short
            self.node = None

    def note(self, line: str) -> None:
        """Keep the line, and bring a node when the loss is told."""
        super().note(line)
        if self.comes_back and "waiting for workers" in line:
            self.comes_back = False
            self.cluster.add_node(num_cpus=1, object_store_memory=100 * 2**20)


def search_on(cluster: Any, folder: Path, *, comes_back: bool, machine: str = "gone") -> Losing:
    """Search three trials with one worker."""
    (folder / "small.py").write_text(SMALL_SPACE)
    node = cluster.add_node(num_cpus=1, object_store_memory=100 * 2**20)
    progress = Losing(cluster=cluster, node=node, comes_back=comes_back, machine=machine)
    settings = RunSettings(
        space=str(folder / "small.py"), study="s", data="digits", trials=3, epochs=2, train_images=400,
        runs=str(folder), workers=1, pruner="none", ray_address=cluster.address, cluster_wait_seconds=0.0,
    )  # fmt: skip
    space = find_space(settings.space)
    with pytest.MonkeyPatch.context() as patch:
        if not comes_back:
            hurrying = functools.partial(WorkerAbsence, clock=progress.clock)
            patch.setattr("search.workers.ray_backend.workers.WorkerAbsence", hurrying)
        try:
            run_search(settings, space=space, progress=progress, command="run")
        except StorageError as error:
            progress.notes.append(str(error))
    for one in progress.stopped:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    for left in [*cluster.worker_nodes]:
        cluster.remove_node(left, allow_graceful=False)
    return progress


@pytest.mark.slow
@pytest.mark.timeout(600)  # workers start three times
@pytest.mark.parametrize("machine", ["gone", "silent"])
def test_a_search_waits_for_machines_and_goes_on_when_one_comes(cluster: Any, tmp_path: Path, machine: str) -> None:
    said = search_on(cluster, tmp_path, comes_back=True, machine=machine)
    lost, retrying = said.notes
    assert re.fullmatch(r"node [\d.]+ lost with 1 trial; waiting for workers", lost)
    assert re.match(r"trial [12]: worker died \(its machine was lost\) at epoch [12]/2 - retrying from", retrying)
    assert sorted((one.trial, one.state) for one in said.ended_trials) == [(n, "COMPLETE") for n in range(3)]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_search_that_waits_in_vain_can_be_resumed(cluster: Any, tmp_path: Path) -> None:
    said = search_on(cluster, tmp_path, comes_back=False)
    assert re.match(r"the cluster has had no worker for 1 min( \d+ s)? \(--cluster-wait limits this", said.notes[-1])
    assert len(said.ended_trials) in (1, 2), "losing a machine takes a moment"
    assert (StorageError.exit_code, StorageError.resumable) == (5, True)


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def absent(seconds: int, *, wait_seconds: float) -> list[str]:
    """Return what is said while there is no worker for so long."""
    clock = Clock()
    lines: list[str] = []
    absence = WorkerAbsence(note=lines.append, wait_seconds=wait_seconds, clock=clock)
    for _ in range(seconds):
        clock.now += 1.0
        absence.check(workers=0)
    return lines


def test_an_absence_is_told_each_minute_and_ends_with_patience() -> None:
    assert absent(149, wait_seconds=90) == [f"no workers available for {n} min" for n in (1, 2)]
    with pytest.raises(StorageError, match="the cluster has had no worker for 2 min 30 s"):
        absent(150, wait_seconds=90)


def test_a_suspended_driver_has_missed_no_worker() -> None:
    clock = Clock()
    lines: list[str] = []
    absence = WorkerAbsence(note=lines.append, wait_seconds=60, clock=clock)
    clock.now = 8 * 3600.0
    absence.check(workers=0)
    assert lines == []


@pytest.mark.slow
def test_a_small_shared_memory_is_told_and_borne_with(tmp_path: Path) -> None:
    (tmp_path / "small.py").write_text(SMALL_SPACE)
    what = ["--space", str(tmp_path / "small.py"), "--study", "s", "--trials", "1", "--workers", "1", "--epochs", "1"]
    search = [sys.executable, "-m", "search", "run", *what, "--runs", str(tmp_path)]
    shrink = 'mount -t tmpfs -o size=64m tamiz-test /dev/shm && exec "$@"'
    done = subprocess.run(["unshare", "--mount", "sh", "-c", shrink, "sh", *search], capture_output=True, text=True)
    if "Operation not permitted" in done.stderr or "permission denied" in done.stderr:
        not_here("a mount namespace of its own", debian_package="util-linux, as root")
    assert done.returncode == 0, done.stderr
    assert "/dev/shm has 64 MB free, so workers share images through the disk, which is slower" in done.stderr


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
    """Path of a socket on which this process listens."""
    with listening(tmp_path) as path:
        yield path


@contextmanager
def listening(folder: Path) -> Iterator[str]:
    """Listen on a socket in a folder."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "raylet"))
        server.listen()
        yield str(folder / "raylet")


def is_gone(health: HealthCheck, times: int) -> bool:
    """Return whether the cluster is given up after so many tries."""
    for _ in range(times):
        health.probe()
    return health.is_gone


def test_a_head_that_answers_lives(node: str) -> None:
    with head(answers=True) as address:
        assert not is_gone(HealthCheck(address=address, node_socket=node), 10)


def test_a_head_that_is_gone_is_given_up_after_several_tries(node: str) -> None:
    health = HealthCheck(address="127.0.0.1:1", node_socket=node)
    assert (is_gone(health, 7), is_gone(health, 1)) == (False, True)


def test_a_head_that_is_stopped_is_given_up_too(node: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.workers.ray_backend.health._answer_seconds", 0.05)
    with head(answers=False) as address:
        health = HealthCheck(address=address, node_socket=node)
        assert (is_gone(health, 5), is_gone(health, 1)) == (False, True)


def test_a_driver_whose_own_node_is_gone_has_no_cluster(tmp_path: Path) -> None:
    program = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); sys.stdin.read()"
    path = tmp_path / "raylet"
    with head(answers=True) as address:
        other = subprocess.Popen([sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE)
        while not path.exists():
            time.sleep(0.05)
        time.sleep(0.2)
        health = HealthCheck(address=address, node_socket=str(path))
        before = is_gone(health, 1)
        other.kill()
        other.communicate()
        assert (before, is_gone(health, 1)) == (False, True)


def test_misses_long_ago_do_not_count(node: str) -> None:
    with head(answers=True) as address:
        health = HealthCheck(address="127.0.0.1:1", node_socket=node)
        is_gone(health, 7)
        health.address = address
        is_gone(health, 1)
        health.address = "127.0.0.1:1"
        assert not is_gone(health, 7)
