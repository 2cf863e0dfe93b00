"""Starts a search for the command line: settings in, exit code out, whatever happens in between."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from reports.stored import layout
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
from search.system.signals import Interrupted
from spaces.errors import TamizError

if TYPE_CHECKING:
    from search.driver.fork import Fork


def search(typed: Options, *, file: Path | None, output: Output, fork: str | None) -> int:
    """Search as typed, say how it ended, and return the exit code."""
    return _search(resolve(typed, file=file), output, fork)


def continue_study(study: str, *, changed: Options, output: Output, fork: str | None) -> int:
    """Continue a study with its stored settings but for what is changed, and return the exit code."""
    from search.results.status import find_run, read_settings

    folder = find_run(study, changed.runs or "runs")
    stored = from_settings(read_settings(folder).settings, str(folder.path / layout.SETTINGS))
    place = Options(study=folder.path.name, runs=str(folder.path.parent))
    options = replace(changed, runs=None).over(place).over(replace(stored, timeout=None))
    return _search(resolve_alone(options), output, fork)


def _search(resolved: Resolved, output: Output, fork: str | None) -> int:
    from search.lease.folder_lock import refuse_if_busy  # numpy with it, which `--help` does without
    from search.results.run_folder import RunFolder

    begun_with = None
    if fork is not None:
        resolved, begun_with = _forked(resolved, fork)
    settings = resolved.settings
    folder = RunFolder.at(Path(settings.runs), settings.study)
    refuse_if_busy(folder.path, settings.study)
    # The display must come after the terminal is kept for our own lines, see `only_own_lines`.
    with only_own_lines(folder.log), open_progress(sys.stderr, quiet=output.quiet) as progress:
        summary = search_or_explain(resolved, progress, fork=begun_with)
    tell_end(summary, output)
    return summary.exit_code


def _forked(resolved: Resolved, new: str) -> tuple[Resolved, Fork]:
    from search.driver.fork import Fork, fork_settings
    from search.results.status import find_run

    old = resolved.settings
    return replace(resolved, settings=fork_settings(old, new)), Fork.of(find_run(old.study, old.runs))


def search_or_explain(resolved: Resolved, progress: Progress, *, fork: Fork | None = None) -> RunSummary:
    """Return how the search ended, also where an error ended it.

    Args:
        resolved: the run.
        progress: told what goes on.
        fork: what a new study begins with; None: with nothing.
    """
    from search.driver.run import run_search
    from search.results.status import failed_summary

    settings = resolved.settings
    if (Path(settings.runs) / settings.study / layout.SETTINGS).is_file():
        progress.note(f"continuing study {settings.study} in {settings.runs}")
    try:
        return run_search(
            settings,
            space=resolved.space,
            progress=progress,
            command=command_for(settings) if fork is None else fork.command(settings),
            fork=fork,
        )
    except TamizError as error:
        return failed_summary(error, study=settings.study, runs=settings.runs)
    except KeyboardInterrupt:  # outside the loop, which stops in order
        return failed_summary(Interrupted("stopped by Ctrl-C"), study=settings.study, runs=settings.runs)
    except Exception as error:
        reason = write_crash(error, Path(settings.runs) / settings.study)
        return failed_summary(TamizError(reason), study=settings.study, runs=settings.runs)
