"""What errors say."""

from __future__ import annotations

import pytest

from spaces.errors import first_line


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("no such file\nTry another."), "no such file"),
        (ValueError("\n  no such file\n"), "no such file"),
        (ValueError(), "ValueError"),
        (ZeroDivisionError("x" * 50), "x" * 20),
    ],
)
def test_the_first_line_of_an_error_is_never_empty(error: Exception, line: str) -> None:
    assert first_line(error, most=20) == line


def test_a_first_line_is_whole_unless_it_is_to_be_cut() -> None:
    assert first_line(ValueError("x" * 500)) == "x" * 500
