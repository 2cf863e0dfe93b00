"""The options of a run as parameters of a command, and the grouped help that lists them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from search.option import FLAG, GROUPS, WHOLE, Kind, Option
from search.settings import OPTIONS


class Value(click.ParamType[Any]):
    """Text on the command line, read as one kind."""

    name = "value"

    def __init__(self, kind: Kind) -> None:
        """Read values of that kind."""
        self._kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value; raises UsageError."""
        return self._kind.read(value, param.opts[0] if param else "value")


WHOLE_NUMBER = Value(WHOLE)


class GroupedOption(click.Option):
    """An option that `GroupedCommand` lists under one of `GROUPS`."""

    def __init__(self, *args: Any, group: str, **attributes: Any) -> None:
        """Take the group, and what `click.Option` takes."""
        super().__init__(*args, **attributes)
        self.group = group


class RunParameter(GroupedOption):
    """One option of a run; its value is None where it was not typed."""

    def __init__(self, option: Option, *, with_default: bool) -> None:
        """Take the option; `with_default`: whether its help names the default."""
        default = f"; default: {option.default_text}" if with_default and option.default_text else ""
        super().__init__(
            [option.flag],
            group=option.group,
            type=None if option.kind is FLAG else Value(option.kind),
            is_flag=option.kind is FLAG,
            multiple=option.kind.is_list,
            default=None,
            metavar=option.metavar or option.kind.metavar,
            help=f"{option.help.removesuffix('.')}{default}.",
        )
        self.option = option

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """Return the value; each time that a list is typed adds to it."""
        read = super().type_cast_value(ctx, value)
        return tuple(name for names in read for name in names) or None if self.option.kind.is_list else read


STUDY = click.argument("study", help="Name of a study, or its folder.")
RUNS = click.option("--runs", metavar="DIR", default="runs", help="Folder with the folders of studies; default: runs.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout at the end.")


class GroupedCommand(click.Command):
    """A command whose help lists its options in groups, and below an option its choices."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each group; an option without a group goes to the last."""
        rows: dict[str, list[tuple[str, str]]] = {group: [] for group in GROUPS}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None or isinstance(parameter, click.Argument):
                continue
            section = rows[parameter.group if isinstance(parameter, GroupedOption) else GROUPS[-1]]
            section.append(record)
            if isinstance(parameter, RunParameter) and parameter.option.choices is not None:
                section += [(f"    {name}", text) for name, text in parameter.option.choices.items()]
        for group, records in rows.items():
            if records:
                with formatter.section(group.capitalize()):
                    formatter.write_dl(records, col_max=24)


def run_parameters(*, on_resume: bool = False) -> Callable[[click.Command], click.Command]:
    """Return a decorator that gives a command all options of a run, or only those that `resume` takes."""

    def decorate(command: click.Command) -> click.Command:
        taken = [option for option in OPTIONS.values() if option.on_resume or not on_resume]
        command.params[:0] = [RunParameter(option, with_default=not on_resume) for option in taken]
        return command

    return decorate
