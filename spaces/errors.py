"""Every error that Tamiz raises on purpose, as one tree.

    TamizError                  1  a fault of ours, or none of the below
    ├── UsageError              2  what was typed or written is not accepted
    │   ├── UnknownNameError    2  a name that is not in a list
    │   ├── RecordError         2  a stored or hand-written record that does not fit its type
    │   └── SpaceError          2  a space file that can't be read or does not behave
    │       └── ImpossibleChoiceError   one trial's choice that can't be; no end of a search
    ├── DataError               3  no usable data
    ├── StudyConflictError      4  the study exists, and differs or is busy
    ├── StorageError            5  the database or the disk gave up; resumable
    └── NothingCompletedError   6  no trial completed, or the same failure again and again

The number is the exit code of the command line. An error's text says what came, what is accepted
and what to do; only the command line catches it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar


class TamizError(Exception):
    """An error with a message meant for the person who runs the search."""

    exit_code: ClassVar[int] = 1
    resumable: ClassVar[bool] = False


class UsageError(TamizError):
    """What was typed, or written in a settings file, is not accepted."""

    exit_code = 2


class UnknownNameError(UsageError):
    """A name that is not in a list; suggests the nearest and prints the list."""

    def __init__(self, kind: str, came: str, accepted: Iterable[str], *, plural: str, hint: str = "") -> None:
        names = sorted(accepted)
        near = difflib.get_close_matches(came, names, n=1)
        question = f" Did you mean '{near[0]}'?" if near else ""
        listing = f"{plural[:1].upper()}{plural[1:]}: {', '.join(names) or 'none'}."
        super().__init__(f"unknown {kind} '{came[:200]}'.{question}\n{listing}{'  ' + hint if hint else ''}")
        self.came = came
        self.suggestion = near[0] if near else None


class RecordError(UsageError):
    """A stored or hand-written record that does not fit its type."""


class SpaceError(UsageError):
    """A space that can't be read, or that does not behave as a space."""


class ImpossibleChoiceError(SpaceError):
    """What a space chose for one trial can't be; what it chooses for others may."""


class DataError(TamizError):
    """No usable data: not found, empty, unreadable, or a single class."""

    exit_code = 3


class StudyConflictError(TamizError):
    """The study exists already and differs from what is asked, or another driver runs it."""

    exit_code = 4


class StorageError(TamizError):
    """The study's database or the disk gave up; what is finished is kept."""

    exit_code = 5
    resumable = True


class NothingCompletedError(TamizError):
    """No trial completed, or the same failure came again and again."""

    exit_code = 6
