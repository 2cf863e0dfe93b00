"""What an option accepts as text and as values, and how it writes its value back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest

from search.option import (
    DURATION,
    FLAG,
    NAMES,
    NUMBER,
    TEXT,
    WHOLE,
    Kind,
    Option,
    options_of,
    parse_duration,
    write_duration,
)
from spaces.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A table of options as a later version may have it."""

    layers: Annotated[int, Option("search", "Stack N layers.", above=0)] = 2
    rate: Annotated[float | None, Option("search", "Learn at this rate.", least=0.0, most=1.0)] = None
    grace_seconds: Annotated[float, Option("stopping", "Wait this long.")] = 90.0
    devices: Annotated[tuple[str, ...], Option("machines", "Train on this device; repeatable.")] = ()
    mode: Annotated[str, Option("search", "Choose a mode.", choices={"fast": "as fast as it goes"})] = "fast"
    dry: Annotated[bool, Option("output", "Write nothing.")] = False


OPTIONS = options_of(Settings)


def test_the_table_has_names_kinds_and_defaults_from_the_fields() -> None:
    kinds = {name: option.kind for name, option in OPTIONS.items()}

    assert kinds == {"layers": WHOLE, "rate": NUMBER, "grace": DURATION, "devices": NAMES, "mode": TEXT, "dry": FLAG}
    grace = OPTIONS["grace"]
    assert (grace.field, grace.flag, grace.variable) == ("grace_seconds", "--grace", "TAMIZ_GRACE")
    assert (grace.default, grace.default_text) == (90.0, "1m30s")


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [
        (WHOLE, "3", 3),
        (WHOLE, 3, 3),
        (NUMBER, 3, 3.0),
        (DURATION, "1h30m", 5400.0),
        (DURATION, 90, 90.0),
        (FLAG, "Yes", True),
        (FLAG, False, False),
        (TEXT, Path("a/b"), "a/b"),
        (NAMES, "a, b", ("a", "b")),
        (NAMES, ["a", " b"], ("a", "b")),
        (NAMES, ("a",), ("a",)),
    ],
)
def test_text_and_values_are_read(kind: Kind, value: object, read: object) -> None:
    found = kind.read(value, "--x")

    assert (found, type(found)) == (read, type(read))


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (WHOLE, "3.5", "invalid --x '3.5': expected a whole number"),
        (WHOLE, 3.5, "invalid --x '3.5': expected a whole number"),
        (WHOLE, True, "invalid --x 'True': expected a whole number"),
        (NUMBER, 10**400, "expected a number"),
        (DURATION, "5", "invalid --x '5': expected a duration such as 90s or 1h30m"),
        (DURATION, False, "invalid --x 'False': expected a duration such as 90s or 1h30m"),
        (FLAG, "perhaps", "invalid --x 'perhaps': expected true or false"),
        (FLAG, 1, "invalid --x '1': expected true or false"),
        (TEXT, 3, "invalid --x '3': expected text"),
        (NAMES, ["a", 3], "expected text, or a list of texts"),
        (NAMES, {"a": 1}, "expected text, or a list of texts"),
    ],
)
def test_what_does_not_fit_is_refused_by_source_and_value(kind: Kind, value: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        kind.read(value, "--x")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("layers", 0, "invalid --layers '0': expected more than 0"),
        ("rate", -0.1, "invalid --rate '-0.1': expected at least 0"),
        ("rate", 1.1, "invalid --rate '1.1': expected at most 1"),
        ("rate", float("nan"), "invalid --rate 'nan': expected at least 0"),
        ("mode", "fats", "invalid --mode 'fats': expected "),
    ],
)
def test_values_out_of_bounds_are_refused(name: str, value: object, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        OPTIONS[name].check(value)

    assert str(caught.value).startswith(message)
    assert str(caught.value).endswith("\nDid you mean 'fast'?") == (name == "mode")


@pytest.mark.parametrize(
    ("name", "value"), [("layers", 1), ("rate", 0.0), ("rate", 1.0), ("rate", None), ("mode", "fast")]
)
def test_values_within_bounds_are_accepted(name: str, value: object) -> None:
    OPTIONS[name].check(value)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("layers", 3, ["--layers", "3"]),
        ("grace", 5400.0, ["--grace", "1h30m"]),
        ("devices", ("a", "b"), ["--devices", "a", "--devices", "b"]),
        ("dry", True, ["--dry"]),
        ("dry", False, []),
    ],
)
def test_a_value_is_written_as_words_of_a_command_line(name: str, value: object, words: list[str]) -> None:
    assert OPTIONS[name].words(value) == words


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1800), ("2h", 7200), ("1h30m", 5400), ("1.5h", 5400), ("1d", 86400), (" 2H 5m ", 7500)],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("seconds", [0, 0.0, 0.5, 59, 90.0, 5400, 90061, 1234567.0, 1e9])
def test_a_duration_is_read_as_it_was_written(seconds: float) -> None:
    assert parse_duration(write_duration(seconds)) == seconds
