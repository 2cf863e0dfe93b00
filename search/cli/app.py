"""The command line: its commands, and how an error becomes a message and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from search.cli.export import export, predict
from search.cli.output import discard_stdout, failure, print_error, print_out, write_crash
from search.cli.run import resume, run
from search.cli.show import compare, dashboard, data, doctor, report, spaces, status
from search.cli.winner import ensemble, refit
from search.system.signals import Interrupted
from spaces.errors import TamizError, UsageError


class _Commands(click.Group):
    """The commands, in the order in which they are added."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:  # before a search handles it itself; click would turn it into Abort
            raise Interrupted("stopped by Ctrl-C") from None


@click.group(
    name="python -m search",
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
def app() -> None:
    """Search for the best Keras image classifier of a space, and report on it.

    \b
      python -m search run --space cnn_cifar --data digits --trials 8
      python -m search run --space cnn_cifar --data path/to/folder --timeout 30m
      python -m search status cnn_cifar-digits
    """


for command in (
    run,
    resume,
    status,
    report,
    refit,
    ensemble,
    export,
    predict,
    compare,
    dashboard,
    spaces,
    data,
    doctor,
):
    app.add_command(command)


def run_command_line(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; the only place that catches errors."""
    try:
        code = app(args=list(arguments), prog_name="python -m search", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:  # a group without a command; the help is its message
        sys.stderr.write(f"{error.format_message()}\n")
        return UsageError.exit_code if arguments else 0
    except click.ClickException as error:
        message = error.format_message()
        return _fail(UsageError(message[:1].lower() + message[1:].removesuffix(".")), arguments)
    except TamizError as error:
        return _fail(error, arguments)
    except BrokenPipeError:
        discard_stdout()
        return 0
    except (KeyboardInterrupt, click.Abort):  # before there was a command
        print_error("stopped")
        return 130
    except Exception as error:
        print_error(write_crash(error, Path("runs")))
        return 1


def _fail(error: TamizError, arguments: Sequence[str]) -> int:
    if "--json" in arguments:
        print_out(failure(error).to_json())
    print_error(str(error))
    return error.exit_code
