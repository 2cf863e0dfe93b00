"""A clean shell in which a case runs `python -m search`, and what it printed."""

from __future__ import annotations

import html
import json
import os
import pty
import re
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]


class WrongError(AssertionError):
    """What a case shows is not so; the text is what was seen, in one line."""


def expect(holds: object, seen: str) -> None:
    """Raise `WrongError` with what was seen unless the condition holds."""
    if not holds:
        raise WrongError(" ".join(seen.split()))


@dataclass(frozen=True, kw_only=True)
class Case:
    """A situation that users reported, as a program."""

    name: str
    play: Callable[[Shell], None]
    """Raises an exception if what should happen does not."""
    trains: bool = True
    """Whether it takes longer than a few seconds."""
    is_promise: bool = False
    """Whether `make test` plays it although it trains."""

    @property
    def summary(self) -> str:
        """What the situation is, in one line."""
        return (self.play.__doc__ or "").splitlines()[0]


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A command that has ended."""

    exit_code: int
    out: str
    err: str
    seconds: float

    def expect(self, exit_code: int, *phrases: str) -> Ended:
        """Raise `WrongError` for another exit code, or if stdout and stderr lack one of the phrases."""
        printed = self.out + self.err
        last = " / ".join((self.err.strip() or self.out.strip()).splitlines()[-3:])[-400:]
        expect(self.exit_code == exit_code, f"exit code {self.exit_code}, expected {exit_code}: {last}")
        for phrase in phrases:
            expect(phrase in printed, f"nothing printed says {phrase!r}: {last}")
        return self

    @property
    def json(self) -> dict[str, Any]:
        """The object that `--json` printed."""
        found: dict[str, Any] = json.loads(self.out)
        return found


@dataclass(frozen=True, kw_only=True)
class Shell:
    """An empty working folder, and nothing of the environment but what every user has."""

    folder: Path
    code: Path = REPOSITORY
    """The checkout whose `search` runs."""
    environment: dict[str, str | None] = field(default_factory=dict)
    """Added to that of a new user; None removes a variable."""
    before: Sequence[str] = ()
    """A command that runs the command, such as `setpriv` with its options."""

    def search(self, command: str, *more: str, within: str = ".", seconds: float = 240) -> Ended:
        """Run `python -m search` with the words of `command` and then `more`, and wait for its end."""
        return self.python("-m", "search", *command.split(), *more, within=within, seconds=seconds)

    def python(self, *words: str, within: str = ".", seconds: float = 240) -> Ended:
        """Run Python and wait for its end."""
        began = time.monotonic()
        with self.start(*words, within=within, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            try:
                out, err = process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                raise WrongError(f"still running after {seconds:.0f} s: {' '.join(words)}") from None
        return Ended(exit_code=process.returncode, out=out, err=err, seconds=time.monotonic() - began)

    def start(self, *words: str, within: str = ".", stdout: int, stderr: int) -> subprocess.Popen[str]:
        """Start Python and return it while it runs."""
        return subprocess.Popen(
            [*self.before, sys.executable, *words],
            cwd=self.folder / within,
            env=self.variables(),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            text=True,
        )

    def variables(self) -> dict[str, str]:
        """Return the whole environment of a command."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        usual = {"HOME": str(home), "PATH": os.defpath, "PYTHONPATH": str(self.code), "TERM": "xterm"}
        changed = {**usual, "CUDA_VISIBLE_DEVICES": "", **self.environment}
        return {name: value for name, value in changed.items() if value is not None}

    def on_terminal(self, command: str) -> Ended:
        """Run `python -m search` with stdout and stderr on a terminal of 80 columns; `err` has all that it showed."""
        began = time.monotonic()
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (24, 80))
        process = self.start("-m", "search", *command.split(), stdout=theirs, stderr=theirs)
        os.close(theirs)
        shown = bytearray()
        while chunk := _read(ours):
            shown += chunk
        os.close(ours)
        return Ended(exit_code=process.wait(), out="", err=shown.decode(), seconds=time.monotonic() - began)

    def page(self, study: str) -> str:
        """Return the text of a study's report, one line for each piece."""
        source = (self.folder / "runs" / study / "report.html").read_text()
        without_code = re.sub(r"(?s)<(script|style|svg)\b.*?</\1>", "", source)
        return re.sub(r"\s*\n\s*", "\n", html.unescape(re.sub(r"<[^>]+>", "\n", without_code)))


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # as Linux ends a terminal
        return b""
