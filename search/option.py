"""One option of a run: its kind, help line and bounds, and its value as text in both directions."""

from __future__ import annotations

import math
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any

from spaces.errors import UsageError, nearest

GROUPS = ("data", "search", "stopping", "machines", "output")
"""Headings of `run --help`, in order."""

_duration = re.compile(r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")
_unit_seconds = (86400, 3600, 60, 1)


def parse_duration(text: str) -> float:
    """Return the seconds in "90s", "30m", "2h" or "1h30m"; raises ValueError."""
    compact = text.strip().lower().replace(" ", "")
    found = _duration.fullmatch(compact)
    if not compact or found is None:
        raise ValueError(text)
    return sum(float(number) * unit for number, unit in zip(found.groups(), _unit_seconds, strict=True) if number)


def write_duration(seconds: float) -> str:
    """Return what `parse_duration` reads: "1h30m"."""
    if seconds <= 0 or not float(seconds).is_integer():
        return f"{seconds:g}s"
    parts, left = [], round(seconds)
    for unit, letter in zip(_unit_seconds, "dhms", strict=True):
        if left >= unit:
            parts.append(f"{left // unit}{letter}")
            left %= unit
    return "".join(parts)


def _parse_flag(text: str) -> bool:
    return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[text.lower()]


def _parse_names(text: str) -> tuple[str, ...]:
    return _names(text.split(","))


def _parse_beginnings(text: str) -> tuple[str, ...]:
    """Return names and values: "cifar_small,stages=3,rate=0.1" is "cifar_small" and "stages=3,rate=0.1"."""
    found: list[str] = []
    for part in text.split(","):
        name, is_value, _ = part.partition("=")
        if is_value and ":" not in name and found and "=" in found[-1]:
            found[-1] += f",{part.strip()}"
        else:
            found.append(part.strip())
    return tuple(found)


def _names(names: Sequence[object]) -> tuple[str, ...]:
    if not all(isinstance(name, str) for name in names):
        raise ValueError(names)
    return tuple(str(name).strip() for name in names)


def _parse_range(text: str) -> tuple[float, float]:
    return _range([float(number) for number in text.split(",")])


def _range(numbers: Sequence[object]) -> tuple[float, float]:
    low, high = (float(number) for number in numbers if isinstance(number, int | float))
    if not low < high or math.isinf(high - low):
        raise ValueError(numbers)
    return low, high


@dataclass(frozen=True)
class Kind:
    """What the values of an option are."""

    expected: str
    """In words, for errors."""
    metavar: str
    parse: Callable[[str], Any]
    """From text; raises ValueError or KeyError."""
    convert: Callable[[Any], Any]
    """From a value of one of the types in `accepts`, as it stands in a TOML file or a Python call."""
    accepts: tuple[type, ...]
    write: Callable[[Any], str] = str
    """To text that `parse` reads."""
    is_list: bool = False
    """Whether there may be several: the option is repeatable, and `write` takes one of them."""

    def read(self, value: object, source: str) -> Any:
        """Return a value that was typed, or comes from a file, a variable or a Python call; `source` names it.

        Raises:
            UsageError: it is not of this kind.
        """
        try:
            if isinstance(value, str):
                return self.parse(value)
            if isinstance(value, self.accepts) and (bool in self.accepts or not isinstance(value, bool)):
                return self.convert(value)
        except (ValueError, KeyError, OverflowError):
            pass
        raise UsageError(f"invalid {source} {str(value)[:200]!r}: expected {self.expected}")


TEXT = Kind("text", "TEXT", str, str, (Path,))
WHOLE = Kind("a whole number", "N", int, int, (int,))
NUMBER = Kind("a number", "VALUE", float, float, (int, float))
DURATION = Kind("a duration such as 90s or 1h30m", "TIME", parse_duration, float, (int, float), write_duration)
FLAG = Kind("true or false", "", _parse_flag, bool, (bool,))
NAMES = Kind("text, or a list of texts", "NAME", _parse_names, _names, (list, tuple), is_list=True)
BEGINNINGS = replace(NAMES, metavar="NAME|VALUES", parse=_parse_beginnings)
RANGE = Kind(
    "two numbers, the lower first, such as 0,1023",
    "LOW,HIGH",
    _parse_range,
    _range,
    (list, tuple),
    lambda value: ",".join(f"{number:g}" for number in value),
)
_kinds: dict[object, Kind] = {
    str: TEXT,
    int: WHOLE,
    float: NUMBER,
    bool: FLAG,
    tuple[str, ...]: NAMES,
    tuple[float, float]: RANGE,
}


@dataclass(frozen=True)
class Option:
    """One option; it annotates a field of the settings: `epochs: Annotated[int, Option(...)] = 8`."""

    group: str
    """One of `GROUPS`."""
    help: str
    """One imperative sentence with a full stop, without the default."""
    _: KW_ONLY
    metavar: str | None = None
    """None: that of the kind."""
    default_help: str | None = None
    """The default in words, where it is not a plain value."""
    above: float | None = None
    """A value must be more than this, in seconds for a duration."""
    least: float | None = None
    most: float | None = None
    choices: Mapping[str, str] | None = None
    """Each accepted value with its own help line; None: any text."""
    from_environment: bool = True
    """Whether a variable TAMIZ_NAME sets it."""
    on_resume: bool = False
    """Whether `resume` takes it as well."""

    kind: Kind = TEXT
    """`TEXT`: that of the field's type."""

    # Filled in by `options_of`:
    name: str = ""
    """In Python and TOML: "trial_timeout"."""
    field: str = ""
    """In the record of settings, with the unit: "trial_timeout_seconds"."""
    default: object = None

    @property
    def flag(self) -> str:
        """On the command line: "--trial-timeout"."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def variable(self) -> str:
        """In the environment: "TAMIZ_TRIAL_TIMEOUT"."""
        return f"TAMIZ_{self.name.upper()}"

    @property
    def default_text(self) -> str:
        """The default for the help line; empty where there is none."""
        if self.default_help is not None:
            return self.default_help
        return "" if self.default is None or self.kind is FLAG else self.kind.write(self.default)

    def check(self, value: Any) -> None:
        """Refuse a value out of bounds or not among the choices; None is the absence of a value.

        Raises:
            UsageError: it is neither.
        """
        if value is None:
            return
        for one in value if self.kind.is_list else (value,):
            if self.choices is not None and one not in self.choices:
                raise self._not_among_choices(str(one))
        # Written so that not-a-number, which is neither more nor less than anything, is refused.
        if self.above is not None and not value > self.above:
            raise self._out_of_bounds(value, f"more than {self.kind.write(self.above)}")
        if self.least is not None and not value >= self.least:
            raise self._out_of_bounds(value, f"at least {self.kind.write(self.least)}")
        if self.most is not None and not value <= self.most:
            raise self._out_of_bounds(value, f"at most {self.kind.write(self.most)}")

    def _not_among_choices(self, value: str) -> UsageError:
        assert self.choices is not None
        *names, last = sorted(self.choices)
        near = nearest(value, self.choices)
        question = f"\nDid you mean '{near}'?" if near else ""
        return UsageError(f"invalid {self.flag} {value[:200]!r}: expected {', '.join(names)} or {last}{question}")

    def _out_of_bounds(self, value: object, expected: str) -> UsageError:
        return UsageError(f"invalid {self.flag} {self.kind.write(value)!r}: expected {expected}")

    def words(self, value: Any) -> list[str]:
        """Return the words of a command line that set this value."""
        if self.kind is FLAG:
            return [self.flag] if value else []
        values = value if self.kind.is_list else [value]
        return [word for one in values for word in (self.flag, self.kind.write(one))]


def options_of(record: type) -> dict[str, Option]:
    """Return the options that annotate the fields of a dataclass, by name.

    The kind follows from the field's type: a number whose field ends in "_seconds" is a duration,
    and a tuple of texts is a list: repeatable on the command line, an array in TOML, with commas elsewhere.
    """
    found = {}
    hints = typing.get_type_hints(record, include_extras=True)
    for field in fields(record):
        annotated, option = typing.get_args(hints[field.name])
        kinds = typing.get_args(annotated) if isinstance(annotated, types.UnionType) else (annotated,)
        name = field.name.removesuffix("_seconds")
        found[name] = replace(
            option,
            name=name,
            field=field.name,
            kind=DURATION if name != field.name else option.kind if option.kind is not TEXT else _kinds[kinds[0]],
            default=None if field.default is MISSING else field.default,
        )
    return found
