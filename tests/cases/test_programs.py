"""The cases of `python -m tests.cases`, one test each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases.programs.all import CASES
from tests.cases.shell import Case, Shell


def _marks(case: Case) -> list[pytest.MarkDecorator]:
    return [pytest.mark.slow] * case.trains + [pytest.mark.promise] * case.is_promise


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name, marks=_marks(case)) for case in CASES])
def test_what_users_reported_ends_as_it_should(case: Case, tmp_path: Path) -> None:
    case.play(Shell(folder=tmp_path))
