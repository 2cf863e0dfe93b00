"""Commands that look and change nothing: status, report, spaces, data check, doctor. Each returns its text."""

from __future__ import annotations

import contextlib
import json
import sys
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from search.progress.display import open_progress
from search.wording import write_line
from spaces.catalogue import find_space, space_names
from spaces.errors import DataError, UsageError
from spaces.parameters import Parameter, find_parameters, recipe_for
from spaces.recipe import ImageShape, Recipe
from spaces.records import to_plain
from spaces.transfer import untrained

if TYPE_CHECKING:
    from spaces.space import Parameters, Space

schema = 1


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What `data check` has to say."""

    text: str
    exit_code: int


def status(study: str, *, runs: str | None, as_json: bool) -> str:
    """Return where a study stands, as text or as the JSON object of `run`."""
    from search.cli.output import end_lines
    from search.results.status import find_run, live_summary

    summary = live_summary(find_run(study, runs or "runs"))
    if as_json:
        return summary.to_json()
    lines = [f"study {summary.study}: {summary.status}", *end_lines(summary)]
    return "\n".join([*lines, summary.report] if summary.report else lines)


def report(study: str, *, runs: str | None, lite: bool, grid: str | None, as_json: bool, watch: bool) -> str:
    """Write a study's report again, with `watch` as often as results change; return its path, or the answer as JSON."""
    from search.results.report import Wanted, write_report
    from search.results.report_watch import changes, stored_state
    from search.results.status import find_run, is_being_run

    folder, wanted = find_run(study, runs or "runs"), Wanted(is_lite=lite, grid=_pair(grid))
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
    return json.dumps(to_plain(written.answer), indent=2) if as_json else str(written.path)


def _pair(grid: str | None) -> tuple[str, str] | None:
    if grid is None:
        return None
    names = [name.strip() for name in grid.split(",")]
    if len(names) != 2 or not all(names):
        raise UsageError(f"--grid is {grid!r}; accepted: two parameters, such as --grid learning_rate,dropout")
    return names[0], names[1]


def spaces(*, as_json: bool) -> str:
    """Return the list of spaces, each with its summary."""
    found = [find_space(name) for name in space_names()]
    if as_json:
        listed = [{"name": space.name, "summary": space.summary, "default_data": space.default_data} for space in found]
        return json.dumps({"schema": schema, "spaces": listed}, indent=2)
    width = max(len(space.name) for space in found)
    return "\n".join(f"{space.name:{width}}  {space.summary}" for space in found)


def show_space(name: str, *, as_json: bool) -> str:
    """Return a space's parameters, ranges, conditions, baselines and starts, as they are for its default data.

    Ranges and weights may depend on the images: a space without default data is shown for those of a folder.
    """
    from objectives.data.from_files import FOLDER_SIZE
    from objectives.data.sources.catalogue import known_shape

    space = find_space(name)
    of_folders = ImageShape(height=FOLDER_SIZE, width=FOLDER_SIZE, channels=3), 10
    images, classes = known_shape(space.default_data) or of_folders
    parameters = find_parameters(space, images=images, classes=classes)
    if as_json:
        return json.dumps(_space_object(space, parameters, images=images, classes=classes), indent=2)
    lines = [f"{space.name}: {space.summary}", "", _table(parameters), ""]
    if any(parameter.when is not None for parameter in parameters):
        lines += [_condition(parameter) for parameter in parameters if parameter.when is not None] + [""]
    for kind, given in (("baseline", space.baselines), ("start", space.starts)):
        for of, params in given.items():
            recipe = recipe_for(space, params, images=images, classes=classes)
            weights = _weights(recipe, images=images, classes=classes)
            lines.append(f"{kind} {of}: {weights:,} parameters")
            lines.append("  " + ", ".join(f"{key}={value}" for key, value in params.items()))
    shown = f"{images.height}x{images.width} {'grey' if images.channels == 1 else 'colour'} images of {classes} classes"
    lines.append(f"default data: {space.default_data or 'none'}; ranges and parameters are for {shown}")
    return "\n".join(lines)


def check_data(data: str, *, as_json: bool) -> Checked:
    """Decode all of a dataset and return what was found; the exit code is 3 where a search would fail or mislead."""
    from objectives.data.checks.check import check
    from objectives.data.checks.text import lines
    from objectives.data.directories import DataDirectories

    with open_progress(sys.stderr, quiet=not sys.stderr.isatty()) as progress:
        checked = check(
            data,
            directories=DataDirectories.from_environment(),
            progress=lambda done, total: progress.phase(f"decoded {done} of {total} images"),
        )
    text = (
        json.dumps({"schema": schema, "poisoned": checked.poisoned} | to_plain(checked), indent=2)
        if as_json
        else "\n".join(lines(checked))
    )
    return Checked(text=text, exit_code=DataError.exit_code if checked.poisoned else 0)


def doctor(*, runs: str | None, as_json: bool) -> str:
    """Return what this machine has, as text or as one JSON object."""
    from search.cli.doctor import examine

    findings = examine(runs or "runs")
    if as_json:
        return json.dumps({"schema": schema} | asdict(findings), indent=2)
    return "\n".join(findings.lines())


def _space_object(
    space: Space, parameters: tuple[Parameter, ...], *, images: ImageShape, classes: int
) -> dict[str, Any]:
    def built(params: Parameters) -> dict[str, Any]:
        recipe = recipe_for(space, params, images=images, classes=classes)
        weights = _weights(recipe, images=images, classes=classes)
        return {"params": params, "recipe": recipe.to_plain(), "parameters": weights}

    return {
        "schema": schema,
        "name": space.name,
        "summary": space.summary,
        "source": space.docstring,
        "default_data": space.default_data,
        "images": asdict(images) | {"classes": classes},
        "parameters": [to_plain(parameter) for parameter in parameters],
        "baselines": {name: built(params) for name, params in space.baselines.items()},
        "starts": {name: built(params) for name, params in space.starts.items()},
    }


def _weights(recipe: Recipe, *, images: ImageShape, classes: int) -> int:
    from objectives.devices import prepare

    prepare(threads=1, gpu=False)
    from objectives.networks.assemble import assemble

    return int(assemble(untrained(recipe), images=images, classes=classes).count_params())


def _table(parameters: tuple[Parameter, ...]) -> str:
    names = max((len(parameter.name) for parameter in parameters), default=0)
    return "\n".join(f"  {p.name:{names}}  {p.kind:11}  {p.described}" for p in parameters)


def _condition(parameter: Parameter) -> str:
    if not parameter.when:
        return f"{parameter.name} is asked in some trials only"
    conditions = [f"{name} is {' or '.join(map(str, values))}" for name, values in parameter.when.items()]
    return f"{parameter.name} is asked when {' and '.join(conditions)}"
