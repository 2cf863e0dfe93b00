"""Ray starts, is joined and ends in the background, without a line on the terminal or a trace."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from search.workers.ray_backend.session import RaySession
from spaces.errors import UsageError

_root = Path(__file__).parents[3]


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    code: int
    lines: list[str]
    """Of stdout, without the first: the processes."""
    stderr: str
    log: str
    processes: list[int]
    """Ray's, while it ran."""
    temporary: Path
    """Its folder for temporary files."""

    def left(self) -> list[str]:
        """Return the processes and temporary files that are still there after ten seconds."""
        deadline = time.monotonic() + 10
        while (found := self._found()) and time.monotonic() < deadline:
            time.sleep(0.2)
        return found

    def _found(self) -> list[str]:
        alive = [psutil.Process(pid).name() for pid in self.processes if psutil.pid_exists(pid)]
        return alive + [file.name for file in self.temporary.iterdir()]


def _search(tmp_path: Path, *, meets: str = "nothing", **environment: str) -> _Outcome:
    """Run the tiny search in a process of its own, from a folder of its own, as a person would."""
    log = tmp_path / "log.txt"
    temporary = Path(tempfile.mkdtemp(prefix="tz-", dir="/tmp"))  # short, for Ray's sockets
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    done = subprocess.run(
        [sys.executable, "-m", "tests.search.fixtures.local_search", str(log), meets],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(_root), "TMPDIR": str(temporary)} | environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    processes, *lines = done.stdout.splitlines() or [""]
    return _Outcome(
        code=done.returncode,
        lines=[line for line in lines if line != str(tmp_path)],
        stderr=done.stderr,
        log=log.read_text(),
        processes=[int(pid) for pid in processes.split()],
        temporary=temporary,
    )


@pytest.fixture(scope="module")
def after_a_death(tmp_path_factory: pytest.TempPathFactory) -> _Outcome:
    """A search that lost a worker, with an address in the environment where nothing listens."""
    return _search(tmp_path_factory.mktemp("run"), meets="a dead worker", RAY_ADDRESS="127.0.0.1:1")


@pytest.mark.slow
def test_a_local_search_ignores_the_environments_address(after_a_death: _Outcome) -> None:
    assert (after_a_death.code, after_a_death.lines) == (0, ["trained"])


@pytest.mark.slow
def test_nothing_but_own_lines_reaches_the_terminal(after_a_death: _Outcome) -> None:
    assert (after_a_death.stderr, after_a_death.lines) == ("", ["trained"])


@pytest.mark.slow
def test_the_log_tells_of_the_dead_worker(after_a_death: _Outcome) -> None:
    assert "A worker died or was killed" in after_a_death.log


@pytest.mark.slow
def test_the_log_has_no_advice_to_switch_authentication_off(after_a_death: _Outcome) -> None:
    assert not [line for line in after_a_death.log.splitlines() if "disabled" in line or line.startswith(":")]


@pytest.mark.slow
def test_no_process_and_no_file_is_left(after_a_death: _Outcome) -> None:
    assert len(after_a_death.processes) > 3
    assert after_a_death.left() == []


@pytest.fixture(scope="module")
def unclosed(tmp_path_factory: pytest.TempPathFactory) -> _Outcome:
    """A search that gets SIGTERM twice, with a handler of its own each time, and ends without closing its workers."""
    return _search(tmp_path_factory.mktemp("run"), meets="SIGTERM, and no close")


@pytest.mark.slow
def test_sigterm_reaches_the_programs_own_handler_and_no_other(unclosed: _Outcome) -> None:
    handled = ["handler set before", "handler set after Ray's start"]
    assert (unclosed.code, unclosed.lines, "SIGTERM received" in unclosed.log) == (0, [*handled, "trained"], False)


@pytest.mark.slow
def test_a_search_that_forgets_to_close_leaves_nothing(unclosed: _Outcome) -> None:
    assert (unclosed.stderr, unclosed.left()) == ("", [])


@pytest.mark.slow
def test_an_end_while_ray_starts_waits_for_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    outcome = _search(tmp_path, meets="an early end")
    assert (outcome.code, outcome.stderr, outcome.left()) == (0, "", [])


@pytest.mark.slow
def test_a_killed_driver_leaves_nothing(tmp_path: Path) -> None:
    outcome = _search(tmp_path, meets="SIGKILL")
    assert (outcome.code, outcome.left()) == (-9, [])


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:10001", "127.0.0.1", "no.such.host.invalid:6379"])
def test_an_address_where_nothing_listens_is_refused_at_once(tmp_path: Path, address: str) -> None:
    with pytest.raises(UsageError, match=f"cannot reach the Ray cluster at {address}: .*\nExpected HOST:PORT"):
        RaySession.begin(address=address, log_file=tmp_path / "log.txt")


def test_an_address_where_something_else_listens_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.workers.ray_backend.health._first_answer_seconds", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(UsageError, match=f"cannot reach the Ray cluster at {address}: timed out"):
            RaySession.begin(address=address, log_file=tmp_path / "log.txt")


def test_an_address_in_the_environment_where_nothing_listens_is_named_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(UsageError, match="at 127.0.0.1:1, which RAY_ADDRESS names: .*\nUnset RAY_ADDRESS, or leave"):
        RaySession.begin(address="auto", log_file=tmp_path / "log.txt")
