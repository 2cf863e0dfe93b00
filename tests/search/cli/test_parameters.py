"""Options of a run as parameters of a command."""

from __future__ import annotations

import click
import pytest

from search.cli.parameters import GroupedCommand, RunParameter, run_parameters
from search.option import DURATION, FLAG, NAMES, WHOLE, Kind, Option
from search.settings import OPTIONS


def _typed(kind: Kind, *arguments: str) -> object:
    option = Option("search", "Choose.", name="choice", kind=kind)
    command = GroupedCommand("c", params=[RunParameter(option, with_default=True)], callback=lambda choice: choice)
    return command.main(list(arguments), standalone_mode=False)


@pytest.mark.parametrize(
    ("kind", "arguments", "value"),
    [
        (WHOLE, ["--choice", "3"], 3),
        (WHOLE, [], None),
        (DURATION, ["--choice", "90s"], 90.0),
        (FLAG, ["--choice"], True),
        (FLAG, [], None),
        (NAMES, ["--choice", "a,b", "--choice", "c"], ("a", "b", "c")),
        (NAMES, [], None),
    ],
)
def test_what_is_typed_is_read_as_its_kind(kind: Kind, arguments: list[str], value: object) -> None:
    assert _typed(kind, *arguments) == value


@pytest.mark.parametrize(("on_resume", "least"), [(False, set(OPTIONS)), (True, {"trials", "timeout", "workers"})])
def test_commands_take_the_options_of_the_table(on_resume: bool, least: set[str]) -> None:  # noqa: FBT001
    command = run_parameters(on_resume=on_resume)(click.Command("c"))

    names = {str(parameter.name) for parameter in command.params}
    assert least <= names <= set(OPTIONS)
    assert ("epochs" in names) != on_resume
