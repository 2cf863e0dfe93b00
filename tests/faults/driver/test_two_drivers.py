"""Row 23 of the fault table: two commands on one study.

Given two commands that begin at the same moment; one runs the study, the other says who does, or helps; when the first
is killed, the second goes on; in the database and on disk each trial is there once, and there are as many as asked for.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest

from search.lease.folder_lock import Holder, Machine, lease
from tests.search.driver.test_driver import SMALL_SPACE
from tests.search.results.test_status import _study
from tests.servers.mariadb import MariaServer
from tests.servers.postgres import PostgresServer

HOUSE = Path(__file__).parents[3]
AT_THE_GATE = """
import sys, time
from pathlib import Path
from search.__main__ import main
gate = Path(sys.argv.pop(1))
gate.with_name(gate.name + str(time.monotonic_ns())).touch()
while not gate.exists():
    time.sleep(0.001)
main()
"""


def test_the_second_reads_who_the_first_is_at_once(tmp_path: Path) -> None:
    folder = _study(tmp_path)
    holder = Holder(
        pid=4711, machine=Machine(host="a", boot="b"), since="2026-01-02T10:02:00+00:00", executor="ray",
        ray_address=None,
    )  # fmt: skip
    command = [sys.executable, "-m", "search", "run", "--space", "cnn_cifar", "--data", "digits", "--study", "toy"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with lease(folder.path, "toy", holder):
        refused = subprocess.run([*command, "--runs", str(tmp_path)], capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert refused.returncode == 4
    assert refused.stderr.startswith("error: study 'toy' is being run by pid 4711 on host a since 2026-01-02 ")
    assert refused.stderr.endswith("; use --join to help it, or choose another --study\n")
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2  # whatever else the machine does


def reached_for(folder: Path, times: int, url: str = "") -> set[tuple[str, ...]]:
    """Let two processes reach for so many studies at the same moments; returns what came of it, the order aside."""
    rivals = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.faults.driver.rival", str(folder), str(own), str(times), url],
            stdout=subprocess.PIPE, text=True, cwd=HOUSE,
        )
        for own in range(2)
    ]  # fmt: skip
    said = [rival.communicate(timeout=250)[0].splitlines() for rival in rivals]
    assert [len(lines) for lines in said] == [times, times]
    return {tuple(sorted(outcome)) for outcome in zip(*said, strict=True)}


def test_of_two_that_begin_at_the_same_moment_one_gets_the_study_twenty_times(tmp_path: Path) -> None:
    assert reached_for(tmp_path, 20) == {("refused", "took")}


@pytest.mark.slow
def test_so_it_is_on_a_server_whatever_their_run_folders(
    tmp_path: Path, database_server: PostgresServer | MariaServer
) -> None:
    assert reached_for(tmp_path, 20, database_server.url) == {("refused", "took")}


@pytest.fixture
def begun() -> Iterator[list[subprocess.Popen[str]]]:
    """Commands that are killed at the end of a test, whatever became of them."""
    commands: list[subprocess.Popen[str]] = []
    yield commands
    for command in commands:
        command.kill()
        command.communicate()


def begin_two(
    begun: list[subprocess.Popen[str]], folder: Path, *options: str
) -> tuple[subprocess.Popen[str], subprocess.Popen[str]]:
    """Begin the same command twice, at the same moment; returns first who got the study."""
    (folder / "small.py").write_text(SMALL_SPACE)
    gate = folder / "gate"
    command = [sys.executable, "-c", AT_THE_GATE, str(gate), "run", "--space", str(folder / "small.py"), "--study", "s"]
    begun += [
        subprocess.Popen(
            [*command, "--runs", str(folder), "--join", "--json", *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    _wait_for(lambda: len(list(folder.glob("gate?*"))) == 2)
    gate.touch()
    _wait_for((folder / "s" / "driver.json").exists)
    owner = json.loads((folder / "s" / "driver.json").read_text())["pid"]
    first, second = sorted(begun, key=lambda one: one.pid != owner)
    assert first.pid == owner
    return first, second


@pytest.mark.slow
@pytest.mark.timeout(600)  # Ray starts twice
def test_who_helps_goes_on_when_the_driver_is_killed_and_the_total_is_kept(
    tmp_path: Path, begun: list[subprocess.Popen[str]]
) -> None:
    total = 6
    driver, helper = begin_two(begun, tmp_path, "--trials", str(total), "--epochs", "2", "--workers", "1")
    _wait_for(lambda: len(list(tmp_path.glob("s/trials/*/result.json"))) >= 2)
    os.kill(driver.pid, signal.SIGKILL)
    driver.communicate()
    out, said = helper.communicate(timeout=300)
    summary = json.loads(out)
    numbers = [json.loads(path.read_text())["trial"] for path in sorted(tmp_path.glob("s/trials/*/result.json"))]
    study = optuna.load_study(study_name="s", storage=f"sqlite:///{tmp_path / 's' / 'study.db'}")
    stored = [(trial.number, trial.state.is_finished()) for trial in study.trials]
    assert (helper.returncode, summary["trials"]["total"], summary["trials"]["running"]) == (0, total, 0)
    assert numbers == list(range(total))
    assert stored == [(number, True) for number in range(total)]
    assert f"is being run by pid {driver.pid} on host" in said
    assert "any more; this command goes on with it" in said
    assert list(tmp_path.glob("s/.joining/*")) == []


def _wait_for(condition: object) -> None:
    assert callable(condition)
    deadline = time.monotonic() + 200
    while not condition():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.02)
