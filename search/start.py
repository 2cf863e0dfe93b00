"""Starts a search for the command line: settings in, exit code out, whatever happens in between."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from search.display import open_progress
from search.ending import Output, tell_end, write_crash
from search.options import Options, Resolved, command_for, from_settings, resolve, resolve_alone
from search.progress import Progress
from search.stopping import Interrupted
from search.summary import RunSummary
from search.terminal import only_own_lines
from spaces.errors import TamizError


def search(typed: Options, *, file: Path | None, output: Output, joins: bool) -> int:
    """Search as typed, say how it ended, and return the exit code."""
    return _search(resolve(typed, file=file), output, joins=joins)


def continue_study(study: str, *, changed: Options, output: Output, joins: bool) -> int:
    """Continue a study with its stored settings but for what is changed, and return the exit code."""
    from search.stored import find_run, read_settings

    folder = find_run(study, changed.runs or "runs")
    stored = from_settings(read_settings(folder).settings, str(folder.path / "settings.json"))
    place = Options(study=folder.path.name, runs=str(folder.path.parent))
    options = replace(changed, runs=None).over(place).over(replace(stored, timeout=None))
    return _search(resolve_alone(options), output, joins=joins)


def _search(resolved: Resolved, output: Output, *, joins: bool) -> int:
    from search.lease import refuse_if_busy  # numpy with it, which `--help` does without
    from search.run_folder import RunFolder

    settings = resolved.settings
    folder = RunFolder.at(Path(settings.runs), settings.study)
    if not joins:
        refuse_if_busy(folder.path, settings.study)
    # The display must come after the terminal is kept for our own lines, see `only_own_lines`.
    with only_own_lines(folder.log), open_progress(sys.stderr, quiet=output.quiet) as progress:
        summary = search_or_explain(resolved, progress, joins=joins)
    tell_end(summary, output)
    return summary.exit_code


def search_or_explain(resolved: Resolved, progress: Progress, *, joins: bool = False) -> RunSummary:
    """Return how the search ended, also where an error ended it; with `joins` it may be another that is helped."""
    from search.helping import run_or_help
    from search.stored import failed_summary

    settings = resolved.settings
    if (Path(settings.runs) / settings.study / "settings.json").is_file():
        progress.note(f"continuing study {settings.study} in {settings.runs}")
    try:
        return run_or_help(
            settings, space=resolved.space, progress=progress, command=command_for(settings), joins=joins
        )
    except TamizError as error:
        return failed_summary(error, study=settings.study, runs=settings.runs)
    except KeyboardInterrupt:  # outside the loop, which stops in order
        return failed_summary(Interrupted("stopped by Ctrl-C"), study=settings.study, runs=settings.runs)
    except Exception as error:
        reason = write_crash(error, Path(settings.runs) / settings.study)
        return failed_summary(TamizError(reason), study=settings.study, runs=settings.runs)
