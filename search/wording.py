"""Text as the terminal shows it: lengths of time, parameters, printable lines."""

from __future__ import annotations

import contextlib
from typing import TextIO


def duration(seconds: float) -> str:
    """Return a length of time for people: "48s", "3m05s", "1h20m"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02}m"


def remaining_in_words(remaining: tuple[float, float] | None) -> str:
    """Return "2m05s to 3m10s left", or nothing when nothing is known."""
    if remaining is None:
        return ""
    least, most = map(duration, remaining)
    return f"{most} left" if least == most else f"{least} to {most} left"


def params_in_words(params: object) -> str:
    """Return "filters=32, learning_rate=0.00123, ..."."""
    assert hasattr(params, "items")
    return ", ".join(f"{k}={v:.3g}" if isinstance(v, float) else f"{k}={v}" for k, v in params.items())


def write_line(stream: TextIO, line: str) -> None:
    """Print one line, or nothing where the stream is closed: progress never ends a search."""
    with contextlib.suppress(OSError, ValueError, RuntimeError):  # the last: a signal came amid another line
        stream.write(printable(line, encoding=stream.encoding) + "\n")
        stream.flush()


def printable(text: str, *, encoding: str | None) -> str:
    """Return `text` without control characters, and with "?" for what the terminal can't show."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    return shown.encode(encoding or "ascii", errors="replace").decode(encoding or "ascii")
