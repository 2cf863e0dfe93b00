"""Foreign lines go to the log, own lines to the terminal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from search.system.output_capture import only_own_lines

_program = """
import os, subprocess, sys
from pathlib import Path
from search.system.output_capture import only_own_lines

print("before")
with only_own_lines(Path(sys.argv[1])), only_own_lines(Path(sys.argv[1])):
    print("own data")
    print("own progress", file=sys.stderr)
    os.write(1, b"library on stdout\\n")
    os.write(2, b"library on stderr\\n")
    subprocess.run(["echo", "child"], check=True)
print("after")
os.write(2, b"library afterwards\\n")
"""


@pytest.fixture
def written(tmp_path: Path) -> tuple[str, str, str]:
    """What a program left on stdout, on stderr and in its log."""
    log = tmp_path / "deep" / "log.txt"
    done = subprocess.run(
        [sys.executable, "-c", _program, str(log)], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout, done.stderr, log.read_text()


def test_own_lines_stay_in_order_on_stdout(written: tuple[str, str, str]) -> None:
    assert written[0] == "before\nown data\nafter\n"


def test_stderr_is_given_back_afterwards(written: tuple[str, str, str]) -> None:
    assert written[1] == "own progress\nlibrary afterwards\n"


def test_the_log_holds_what_libraries_and_children_write(written: tuple[str, str, str]) -> None:
    assert written[2] == "library on stdout\nlibrary on stderr\nchild\n"


def test_a_closed_descriptor_is_no_error(tmp_path: Path) -> None:
    program = "import os,sys; os.close(1)\n" + _program.partition("print(")[0]
    program += "with only_own_lines(Path(sys.argv[1])): print('own progress', file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "log.txt")], capture_output=True, text=True, timeout=60
    )
    assert "own progress" in done.stderr


def test_streams_that_are_not_the_terminals_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "notebook").open("w") as notebook:
        monkeypatch.setattr(sys, "stdout", notebook)
        with only_own_lines(tmp_path / "log.txt"):
            assert sys.stdout is notebook


def test_descriptors_do_not_leak(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with only_own_lines(tmp_path / "log.txt"):
        pass
    assert len(list(Path("/proc/self/fd").iterdir())) == before
