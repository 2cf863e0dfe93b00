"""The checks that records make of their own values."""

from __future__ import annotations

from collections.abc import Sequence

from spaces.errors import RecordError


def check_at_least(name: str, value: int, least: int) -> None:
    """Raise `RecordError` unless a count is `least` or more."""
    if value < least:
        raise RecordError(f"invalid {name} {value}: expected {least} or more")


def check_one_of(name: str, value: str, accepted: Sequence[str]) -> None:
    """Raise `RecordError` unless a word is one of those accepted."""
    if value not in accepted:
        raise RecordError(f"invalid {name} {value!r}: expected {', '.join(accepted)}")


def check_fraction(name: str, value: float) -> None:
    """Raise `RecordError` unless a number is from 0 up to but not 1."""
    if not 0.0 <= value < 1.0:
        raise RecordError(f"invalid {name} {value}: expected 0 up to, but not including, 1")


def check_between(name: str, value: float, least: float, most: float) -> None:
    """Raise `RecordError` unless a number is from `least` to `most`, both included."""
    if not least <= value <= most:
        raise RecordError(f"invalid {name} {value}: expected {least:g} to {most:g}")
