"""Every error that Tamiz raises on purpose, as one tree.

    TamizError                  1  internal error, or none of the below
    ├── UsageError              2  invalid option, settings file, space or stored record
    │   ├── UnknownNameError    2  a name that is not in a list
    │   ├── RecordError         2  a stored or hand-written record that does not fit its type
    │   └── SpaceError          2  a space that can't be read, or that fails
    │       └── ImpossibleChoiceError   one trial's choice is impossible; the search continues
    ├── DataError               3  no usable data
    ├── StudyConflictError      4  the study exists, and differs or is busy
    ├── StorageError            5  database or disk failure; resumable
    └── NothingCompletedError   6  no trial completed, or the same failure kept repeating

The number is the exit code of the command line. An error's text says what is invalid, what is
expected and what to do. Only the command line catches it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar


class TamizError(Exception):
    """An error whose message is for the user."""

    exit_code: ClassVar[int] = 1
    resumable: ClassVar[bool] = False


class UsageError(TamizError):
    """An invalid option, settings file, space or stored record."""

    exit_code = 2


class UnknownNameError(UsageError):
    """A name that is not in a list; suggests the nearest and prints the list."""

    def __init__(self, kind: str, value: str, accepted: Iterable[str], *, plural: str, hint: str = "") -> None:
        names = sorted(accepted)
        near = nearest(value, names)
        question = f" Did you mean '{near}'?" if near else ""
        listing = f"{plural[:1].upper()}{plural[1:]}: {', '.join(names) or 'none'}."
        super().__init__(f"unknown {kind} '{value[:200]}'.{question}\n{listing}{'  ' + hint if hint else ''}")
        self.value = value
        self.suggestion = near


class RecordError(UsageError):
    """A stored or hand-written record that does not fit its type."""


class SpaceError(UsageError):
    """A space that can't be read, or that fails."""


class ImpossibleChoiceError(SpaceError):
    """A space's choice for one trial is impossible; its choices for others may not be."""


class DataError(TamizError):
    """No usable data: not found, empty, unreadable, or a single class."""

    exit_code = 3


class StudyConflictError(TamizError):
    """The study exists with other settings, or another process runs it."""

    exit_code = 4


class StorageError(TamizError):
    """Database or disk failure; finished trials are kept."""

    exit_code = 5
    resumable = True


class NothingCompletedError(TamizError):
    """No trial completed, or the same failure kept repeating."""

    exit_code = 6


def first_line(error: BaseException, *, most: int | None = None) -> str:
    """Return the first line of an error's text, cut to `most` characters; its type's name where it has no text."""
    return str(error).strip().partition("\n")[0][:most] or type(error).__name__


def nearest(value: str, names: Iterable[str]) -> str | None:
    """Return the name that a mistyped value most likely means; None: there is none."""
    near = difflib.get_close_matches(value, list(names), n=1)
    return near[0] if near else None
