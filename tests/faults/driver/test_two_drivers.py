"""Row 23 of the fault table: two commands on one study.

Given two commands that begin at the same moment, one runs the study; the other reports which process does, and ends.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from search.lease.folder_lock import Holder, lease
from tests.search.results.test_status import _study
from tests.servers.mariadb import MariaServer
from tests.servers.postgres import PostgresServer

HOUSE = Path(__file__).parents[3]


def test_the_second_reads_who_the_first_is_at_once(tmp_path: Path) -> None:
    folder = _study(tmp_path)
    holder = Holder(pid=4711, host="a", since="2026-01-02T10:02:00+00:00")
    command = [sys.executable, "-m", "search", "run", "--space", "cnn_cifar", "--data", "digits", "--study", "toy"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with lease(folder.path, "toy", holder):
        refused = subprocess.run([*command, "--runs", str(tmp_path)], capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert refused.returncode == 4
    assert refused.stderr.startswith("error: study 'toy' is being run by pid 4711 on host a since 2026-01-02 ")
    assert refused.stderr.endswith("; wait until it ends, or choose another --study\n")
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
