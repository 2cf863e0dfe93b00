"""The checks that records make of their own values."""

from __future__ import annotations

from collections.abc import Sequence

from spaces.errors import RecordError


def check_at_least(name: str, came: int, least: int) -> None:
    """Raise `RecordError` unless a count is `least` or more."""
    if came < least:
        raise RecordError(f"{name} is {came}; accepted: {least} or more")


def check_one_of(name: str, came: str, accepted: Sequence[str]) -> None:
    """Raise `RecordError` unless a word is one of those accepted."""
    if came not in accepted:
        raise RecordError(f"{name} is {came!r}; accepted: {', '.join(accepted)}")


def check_fraction(name: str, came: float) -> None:
    """Raise `RecordError` unless a number is from 0 up to but not 1."""
    if not 0.0 <= came < 1.0:
        raise RecordError(f"{name} is {came}; accepted: 0 up to but not 1")


def check_between(name: str, came: float, least: float, most: float) -> None:
    """Raise `RecordError` unless a number is from `least` to `most`, both included."""
    if not least <= came <= most:
        raise RecordError(f"{name} is {came}; accepted: {least:g} to {most:g}")
