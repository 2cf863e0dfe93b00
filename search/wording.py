"""Text as the terminal shows it: the time left, parameters, printable lines."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TextIO

from reports.wording import duration


def remaining_in_words(remaining: tuple[float, float] | None) -> str:
    """Return "2 min 5 s to 3 min 10 s left"; an empty string for None, and where that would be no time at all."""
    if remaining is None or remaining[1] < 0.5:
        return ""
    least, most = (duration(round(seconds)) for seconds in remaining)
    return f"{most} left" if least == most else f"{least} to {most} left"


def params_in_words(params: Mapping[str, object]) -> str:
    """Return "filters=32, learning_rate=0.00123, ..."."""
    return ", ".join(f"{k}={v:.3g}" if isinstance(v, float) else f"{k}={v}" for k, v in params.items())


def write_line(stream: TextIO, line: str) -> None:
    """Print one line; a closed stream is ignored, since progress must never end a search."""
    with contextlib.suppress(OSError, ValueError, RuntimeError):  # RuntimeError: a signal interrupted another write
        stream.write(printable(line, encoding=stream.encoding) + "\n")
        stream.flush()


def printable(text: str, *, encoding: str | None) -> str:
    """Return `text` without control characters, and with "?" for what the terminal can't show."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    return shown.encode(encoding or "ascii", errors="replace").decode(encoding or "ascii")
