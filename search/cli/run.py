"""The commands `run` and `resume`: a search with a terminal around it, and its end as an exit code."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from objectives import keras_settings
from reports.stored import layout
from search.cli.options import Resolved, continued, resolve
from search.cli.output import Output, print_end, write_crash
from search.cli.parameters import JSON, STUDY, GroupedCommand, GroupedOption, run_parameters
from search.progress.display import open_progress
from search.progress.protocol import Progress
from search.results.summary import RunSummary
from search.system.output_capture import only_own_lines
from search.system.signals import Interrupted
from spaces.errors import TamizError

if TYPE_CHECKING:
    from search.winner.refit import RefitRequest

_FORK = click.option(
    "--fork", cls=GroupedOption, group="search", metavar="NEW", help="Create study NEW from the trials of this study."
)
_QUIET = click.option("--quiet", is_flag=True, help="Print only the report's path.")


@run_parameters()
@click.command(cls=GroupedCommand)
@click.option("--config", metavar="FILE", type=Path, help="Read options from a TOML file or a run's settings.json.")
@_FORK
@JSON
@_QUIET
def run(*, config: Path | None, fork: str | None, as_json: bool, quiet: bool, **typed: object) -> int:
    """Search, or continue a study of the same name.

    A study keeps the settings that it was created with; --timeout counts for one command.
    """
    resolved = resolve(typed, file=config).forked(fork)
    output = Output(json=as_json, quiet=quiet)
    with terminal(resolved, output) as progress:
        summary = search_to_end(resolved, progress)
    return print_end(summary, output)


@run_parameters(on_resume=True)
@click.command(cls=GroupedCommand)
@STUDY
@_FORK
@JSON
@_QUIET
def resume(*, study: str, fork: str | None, as_json: bool, quiet: bool, **typed: object) -> int:
    """Continue a study with its stored settings.

    What is given here is stored as well, but for --timeout, which counts for one command.
    """
    from search.results.status import find_run

    folder = find_run(study, str(typed.pop("runs") or "runs"))
    changed = {name: value for name, value in typed.items() if value is not None}
    resolved = continued(folder, changed).forked(fork)
    output = Output(json=as_json, quiet=quiet)
    with terminal(resolved, output) as progress:
        summary = search_to_end(resolved, progress)
    return print_end(summary, output)


@contextlib.contextmanager
def terminal(resolved: Resolved, output: Output) -> Iterator[Progress]:
    """Give the progress of a search on stderr, while what libraries print goes to the workers' log."""
    from search.lease.folder_lock import refuse_if_busy  # numpy with it, which `--help` does without
    from search.results.run_folder import RunFolder

    keras_settings.check()  # before a run folder is made
    settings = resolved.settings
    folder = RunFolder.at(Path(settings.runs), settings.study)
    refuse_if_busy(folder.path, settings.study)
    # The display must come after the terminal is kept for our own lines, see `only_own_lines`.
    with only_own_lines(folder.workers_log), open_progress(sys.stderr, quiet=output.quiet) as progress:
        yield progress


def search_to_end(resolved: Resolved, progress: Progress, *, refit: RefitRequest | None = None) -> RunSummary:
    """Search, or refit a trial, and return how it ended, also where an error ended it."""
    from search.driver.run import run_search
    from search.results.status import failed_summary

    settings = resolved.settings
    folder = Path(settings.runs) / settings.study
    report_before = _modified(folder / layout.REPORT)
    if (folder / layout.SETTINGS).is_file():
        progress.note(f"continuing study {settings.study} in {settings.runs}")
    try:
        return run_search(
            settings,
            space=resolved.space,
            progress=progress,
            command=resolved.command,
            places=resolved.places,
            fork=resolved.fork,
            refit=refit,
        )
    except TamizError as error:
        failure = error
    except KeyboardInterrupt:  # outside the loop, which handles it itself
        failure = Interrupted("stopped by Ctrl-C")
    except Exception as error:
        failure = TamizError(write_crash(error, folder))
    summary = failed_summary(failure, study=settings.study, runs=settings.runs)
    if _modified(folder / layout.REPORT) != report_before:
        return summary
    if summary.resumable:
        return replace(summary, report=None)  # of an earlier run
    # What is stored is not the outcome of this command.
    return RunSummary(study=settings.study, status=summary.status, exit_code=summary.exit_code, reason=summary.reason)


def _modified(file: Path) -> int | None:
    """Return when a file was changed last, in nanoseconds; None without one."""
    return file.stat().st_mtime_ns if file.is_file() else None
