"""Terminal output: data or one JSON object on stdout, a few lines and errors on stderr."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from search.results.ending import end_lines
from search.results.summary import RunSummary
from search.storage.url import without_secrets
from search.wording import printable, write_line
from spaces.errors import TamizError

MOST_LINES = 6


@dataclass(frozen=True, kw_only=True)
class Output:
    """What is printed at the end of a run."""

    json: bool = False
    """One JSON object on stdout."""
    quiet: bool = False
    """Only the report's path."""


def print_end(summary: RunSummary, output: Output) -> int:
    """Print how a run ended: the object, or the report's path with a summary on stderr; return the exit code."""
    if output.json:
        print_out(summary.to_json())
    if summary.exit_code and not (summary.status == "stopped" and summary.best):
        print_error(summary.reason or "the search failed", resume_command=summary.resume_command)
    else:
        if not output.quiet and not output.json:
            for line in [*end_lines(summary), *(["report:"] if summary.report else [])]:
                write_line(sys.stderr, line)
        elif summary.resume_command and summary.exit_code:
            write_line(sys.stderr, f"resume with: {summary.resume_command}")
    if summary.report and not output.json:
        print_out(summary.report)
    return summary.exit_code


def print_error(reason: str, *, resume_command: str | None = None) -> None:
    """Print an error on stderr, in at most `MOST_LINES` lines."""
    lines = f"error: {without_secrets(reason)}".splitlines()
    if resume_command:
        lines = [*lines[: MOST_LINES - 1], f"resume with: {resume_command}"]
    for line in lines[:MOST_LINES]:
        write_line(sys.stderr, line)


def failure(error: Exception) -> RunSummary:
    """Return the summary of a command that failed before there was a study."""
    code = error.exit_code if isinstance(error, TamizError) else 1
    return RunSummary(study=None, status="failed", exit_code=code, reason=without_secrets(str(error)))


def status_text(summary: RunSummary) -> str:
    """Return where a study stands, with the report's path in the last line."""
    latest = [summary.latest] if summary.latest else []
    devices = [f"trained on {device}" for device in summary.devices]
    lines = [f"study {summary.study}: {summary.status}", *latest, *end_lines(summary), *devices]
    return "\n".join([*lines, "report:", summary.report] if summary.report else lines)


def print_out(text: str) -> None:
    """Print `text` on stdout; a closed stdout is not an error."""
    try:
        sys.stdout.write("\n".join(printable(line, encoding=sys.stdout.encoding) for line in text.split("\n")) + "\n")
        sys.stdout.flush()
    except (BrokenPipeError, ValueError):
        discard_stdout()


def discard_stdout() -> None:
    """Discard the rest of stdout, so that Python does not report a broken pipe when it exits."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


def exit_process(code: int) -> NoReturn:
    """End this process immediately: everything is printed and written, and unloading TensorFlow takes seconds."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the exit code stays that of the command
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # closed by the reader
            stream.flush()
    os._exit(code)


def write_crash(error: Exception, folder: Path) -> str:
    """Write the traceback of an unexpected error to crash.txt in `folder`, and return the message to print."""
    text = without_secrets("".join(traceback.format_exception(error)))
    what = without_secrets(traceback.format_exception_only(error)[-1].strip())[:300]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "crash.txt").write_text(text)
    except OSError:
        return f"internal error: {what}\n{text}"
    return f"internal error: {what}\nThe full traceback is in {folder / 'crash.txt'}; please report it."
