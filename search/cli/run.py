"""Starts a search for the command line: settings in, exit code out, whatever happens in between."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from search.cli.options import (
    Options,
    Resolved,
    from_settings,
    resolve,
    resolve_alone,
)
from search.cli.output import Output, tell_end, write_crash
from search.progress.display import open_progress
from search.progress.protocol import Progress
from search.results.summary import RunSummary
from search.settings import (
    command_for,
)
from search.system.output_capture import only_own_lines
from search.system.stopping import Interrupted
from spaces.errors import TamizError, UsageError

if TYPE_CHECKING:
    from search.driver.fork import Fork


@dataclass(frozen=True, kw_only=True)
class Others:
    """How a search relates to others."""

    joins: bool = False
    """Whether it helps whoever runs the study."""
    fork: str | None = None
    """Name of a new study that begins with the trials of the one that is named."""

    def __post_init__(self) -> None:
        if self.joins and self.fork is not None:
            raise UsageError("both --join and --fork are given; accepted: one of them")


def search(typed: Options, *, file: Path | None, output: Output, others: Others) -> int:
    """Search as typed, say how it ended, and return the exit code."""
    return _search(resolve(typed, file=file), output, others)


def continue_study(study: str, *, changed: Options, output: Output, others: Others) -> int:
    """Continue a study with its stored settings but for what is changed, and return the exit code."""
    from search.results.status import find_run, read_settings

    folder = find_run(study, changed.runs or "runs")
    stored = from_settings(read_settings(folder).settings, str(folder.path / "settings.json"))
    place = Options(study=folder.path.name, runs=str(folder.path.parent))
    options = replace(changed, runs=None).over(place).over(replace(stored, timeout=None))
    return _search(resolve_alone(options), output, others)


def _search(resolved: Resolved, output: Output, others: Others) -> int:
    from search.lease.folder_lock import refuse_if_busy  # numpy with it, which `--help` does without
    from search.results.run_folder import RunFolder

    fork = None
    if others.fork is not None:
        resolved, fork = _forked(resolved, others.fork)
    settings = resolved.settings
    folder = RunFolder.at(Path(settings.runs), settings.study)
    if not others.joins:
        refuse_if_busy(folder.path, settings.study)
    # The display must come after the terminal is kept for our own lines, see `only_own_lines`.
    with only_own_lines(folder.log), open_progress(sys.stderr, quiet=output.quiet) as progress:
        summary = search_or_explain(resolved, progress, joins=others.joins, fork=fork)
    tell_end(summary, output)
    return summary.exit_code


def _forked(resolved: Resolved, new: str) -> tuple[Resolved, Fork]:
    from search.driver.fork import Fork, fork_settings
    from search.results.status import find_run

    old = resolved.settings
    return replace(resolved, settings=fork_settings(old, new)), Fork.of(find_run(old.study, old.runs))


def search_or_explain(
    resolved: Resolved, progress: Progress, *, joins: bool = False, fork: Fork | None = None
) -> RunSummary:
    """Return how the search ended, also where an error ended it.

    Args:
        resolved: the run.
        progress: told what goes on.
        joins: whether the study may be another's, which is then helped.
        fork: what a new study begins with; None: with nothing.
    """
    from search.cli.helping import run_or_help
    from search.results.status import failed_summary

    settings = resolved.settings
    if (Path(settings.runs) / settings.study / "settings.json").is_file():
        progress.note(f"continuing study {settings.study} in {settings.runs}")
    try:
        return run_or_help(
            settings,
            space=resolved.space,
            progress=progress,
            command=command_for(settings) if fork is None else fork.command(settings),
            joins=joins,
            fork=fork,
        )
    except TamizError as error:
        return failed_summary(error, study=settings.study, runs=settings.runs)
    except KeyboardInterrupt:  # outside the loop, which stops in order
        return failed_summary(Interrupted("stopped by Ctrl-C"), study=settings.study, runs=settings.runs)
    except Exception as error:
        reason = write_crash(error, Path(settings.runs) / settings.study)
        return failed_summary(TamizError(reason), study=settings.study, runs=settings.runs)
