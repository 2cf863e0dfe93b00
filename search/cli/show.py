"""Commands that show something: status, report, compare, dashboard, spaces, data, doctor."""

from __future__ import annotations

import contextlib
import json
import sys
from dataclasses import asdict, replace
from functools import partial

import click

from search.cli.output import print_out, status_text
from search.cli.parameters import JSON, RUNS, STUDY, WHOLE_NUMBER, RunParameter
from search.progress.display import open_progress
from search.settings import OPTIONS
from search.wording import write_line
from spaces.catalogue import find_space, space_names
from spaces.errors import DataError, StorageError, UsageError
from spaces.records import to_plain

_schema = 1
"""Version of the JSON objects that these commands print."""


@click.command()
@STUDY
@RUNS
@JSON
def status(*, study: str, runs: str, as_json: bool) -> None:
    """Show the state of a study, running or ended."""
    from search.results.status import find_run, live_summary, obstacle

    folder = find_run(study, runs)
    summary, why = live_summary(folder), obstacle(folder)
    if why is not None:
        summary = replace(summary, resumable=False, resume_command=None, more_command=None)
        write_line(sys.stderr, f"this study can't be continued here: {why}")
    print_out(summary.to_json() if as_json else status_text(summary))


@click.command()
@STUDY
@click.option("--lite", is_flag=True, help="Write report-lite.html: at most 1 MB, without scripts.")
@click.option("--watch", is_flag=True, help="Write it again whenever results change, while the search runs.")
@click.option("--grid", metavar="A,B", help="Show learning curves by these two parameters.")
@RUNS
@JSON
def report(*, study: str, lite: bool, watch: bool, grid: str | None, runs: str, as_json: bool) -> None:
    """Write report.html again from stored results."""
    from search.results.report import Wanted, changes, stored_state, write_report
    from search.results.status import find_run, is_being_run

    folder, wanted = find_run(study, runs), Wanted(is_lite=lite, grid=_pair(grid))
    note = partial(write_line, sys.stderr)
    known = stored_state(folder)
    written = write_report(folder, wanted, note=note)
    if watch and not is_being_run(folder):
        note(f"study '{folder.path.name}' is not being searched on this machine: its report is written once")
    elif watch:
        note(f"{written.path} is written again whenever results change, until the search ends; Ctrl-C to stop")
        with contextlib.suppress(KeyboardInterrupt):
            for _ in changes(folder, known):
                written = write_report(folder, wanted, note=note)
    print_out(json.dumps(to_plain(written.answer), indent=2) if as_json else str(written.path))


def _pair(grid: str | None) -> tuple[str, str] | None:
    if grid is None:
        return None
    names = [name.strip() for name in grid.split(",")]
    if len(names) != 2 or not all(names):
        raise UsageError(f"invalid --grid {grid!r}: expected two parameters, such as learning_rate,dropout")
    return names[0], names[1]


@click.command()
@click.argument(
    "studies", nargs=-1, required=True, metavar="STUDY STUDY...", help="Names of studies, or their folders."
)
@click.option("--report", "as_page", is_flag=True, help="Also write a page, in the first study's folder.")
@RUNS
@JSON
def compare(*, studies: tuple[str, ...], as_page: bool, runs: str, as_json: bool) -> None:
    """Compare studies of the same data side by side."""
    from reports.findings.comparison import compare as compare_runs
    from reports.pages.comparison import write_comparison
    from reports.stored.read import read_run
    from search.results.status import find_run

    read = [read_run(find_run(study, runs).path) for study in studies]
    found = compare_runs(read)
    try:
        page = str(write_comparison(read, found)) if as_page else None
    except OSError as error:
        raise StorageError(f"can't write the page in {read[0].folder}: {error.strerror or error}") from error
    if as_json:
        print_out(json.dumps({"schema": _schema} | to_plain(found) | ({"report": page} if page else {}), indent=2))
    else:
        print_out("\n".join([*found.lines(), *(["", page] if page else [])]))


@click.command()
@click.argument("study", required=False, help="Name of a study, or its folder; default: the latest.")
@click.option("--port", metavar="N", type=WHOLE_NUMBER, default=0, help="Listen on port N; default: a free one.")
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", help="Listen on this address; default: 127.0.0.1.")
@click.option("--token", metavar="SECRET", help="Ask for this token; default: a new one.")
@click.option("--read-only", is_flag=True, help="Refuse requests that change the study.")
@RUNS
def dashboard(*, study: str | None, port: int, host: str, token: str | None, read_only: bool, runs: str) -> None:
    """Show a study in Optuna's dashboard, only on this machine."""
    from search.dashboard.server import serve
    from search.results.status import find_run, latest_run

    folder = latest_run(runs) if study is None else find_run(study, runs)
    with contextlib.suppress(KeyboardInterrupt):
        serve(folder, host=host, port=port, token=token, is_read_only=read_only, say=print_out)


@click.group(invoke_without_command=True)
@JSON
@click.pass_context
def spaces(context: click.Context, *, as_json: bool) -> None:
    """List spaces; `spaces show NAME` prints one."""
    if context.invoked_subcommand is not None:
        return
    found = [find_space(name) for name in space_names()]
    if as_json:
        listed = [{"name": space.name, "summary": space.summary, "default_data": space.default_data} for space in found]
        print_out(json.dumps({"schema": _schema, "spaces": listed}, indent=2))
    else:
        width = max(len(space.name) for space in found)
        print_out("\n".join(f"{space.name:{width}}  {space.summary}" for space in found))


@spaces.command("show")
@click.argument("name", metavar="NAME|FILE", help="One of the listed spaces, or your own file.")
@JSON
def show_space(*, name: str, as_json: bool) -> None:
    """Print a space's parameters, ranges, conditions and baselines."""
    from search.cli.space_text import SpaceView

    view = SpaceView.of(find_space(name))
    print_out(json.dumps({"schema": _schema} | view.to_plain(), indent=2) if as_json else "\n".join(view.lines()))


@click.group()
def data() -> None:
    """Look at image data; `data check PATH` decodes all of it."""


def _of_the_data(command: click.Command) -> click.Command:
    """Give a command the options of `run` that decide what a search accepts."""
    names = ("skip_bad", "pixel_range", "parts", "allow")
    command.params[1:1] = [RunParameter(OPTIONS[name], with_default=True) for name in names]
    return command


@_of_the_data
@data.command("check")
@click.argument("data", metavar="NAME|PATH", help="As for `run --data`.")
@JSON
def check_data(
    *,
    data: str,
    skip_bad: bool | None,
    pixel_range: tuple[float, float] | None,
    parts: tuple[str, ...] | None,
    allow: tuple[str, ...] | None,
    as_json: bool,
) -> int:
    """Decode every image: classes, counts, sizes, pixel values, bad files, copies.

    The exit code is 3 if a search with the same options would refuse these images.
    """
    from objectives.data.checks.check import check
    from objectives.data.checks.text import lines
    from objectives.data.directories import DataDirectories

    OPTIONS["allow"].check(allow)
    with open_progress(sys.stderr, quiet=not sys.stderr.isatty()) as progress:
        checked = check(
            data,
            directories=DataDirectories.from_environment(),
            skip_bad=bool(skip_bad),
            pixel_range=pixel_range,
            parts=parts or (),
            allow=allow or (),
            progress=lambda done, total: progress.phase(f"decoded {done} of {total} images"),
        )
    if as_json:
        print_out(json.dumps({"schema": _schema, "fit": checked.is_fit} | to_plain(checked), indent=2))
    else:
        print_out("\n".join(lines(checked)))
    return 0 if checked.is_fit else DataError.exit_code


@click.command()
@RUNS
@JSON
def doctor(*, runs: str, as_json: bool) -> None:
    """Print what this machine has, for a bug report."""
    from search.cli.doctor import examine

    findings = examine(runs)
    print_out(json.dumps({"schema": _schema} | asdict(findings), indent=2) if as_json else "\n".join(findings.lines()))
