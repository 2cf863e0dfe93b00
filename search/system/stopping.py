"""What the driver raises when a person, or the machine, asked it to stop.

    TamizError
    └── Stopped                 resumable
        ├── Interrupted       130  Ctrl-C (SIGINT)
        └── Terminated        143  SIGTERM: a batch system, a spot machine, `docker stop`

The driver raises one of them after an orderly stop: trials under way are recorded, the report is written.
"""

from __future__ import annotations

import signal

from spaces.errors import TamizError


class Stopped(TamizError):  # noqa: N818 - what happened, and no error
    """The search was asked to stop, and did so."""

    resumable = True

    def __init__(self, message: str, *, is_at_once: bool = False) -> None:
        """Say how it stopped: in order, or at once, without waiting for anything."""
        super().__init__(message)
        self.is_at_once = is_at_once


class Interrupted(Stopped):
    """Stopped by Ctrl-C."""

    exit_code = 130


class Terminated(Stopped):
    """Stopped by SIGTERM."""

    exit_code = 143


def stopped_by(number: int) -> type[Stopped]:
    """Return the error for a signal: `Terminated` for SIGTERM, `Interrupted` for any other."""
    return Terminated if number == signal.SIGTERM else Interrupted
