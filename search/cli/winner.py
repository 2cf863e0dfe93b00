"""The commands `refit` and `ensemble`: what can be made of the models of a study that was searched."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reports.stored import layout
from reports.stored.ensemble import ENSEMBLE_SIZE, EnsembleRecord
from reports.wording import listing
from search.cli.options import continued
from search.cli.output import Output, print_end, print_out
from search.cli.parameters import JSON, RUNS, STUDY, WHOLE_NUMBER
from search.cli.run import search_to_end, terminal
from search.wording import write_line
from spaces.errors import UsageError
from spaces.records import to_plain

if TYPE_CHECKING:
    from search.results.run_folder import RunFolder


@click.command()
@STUDY
@click.option("--trial", metavar="N", type=WHOLE_NUMBER, help="Refit trial N; default: the winner.")
@click.option("--epochs", metavar="N", type=WHOLE_NUMBER, help="Train for N epochs; default: those of the study.")
@RUNS
@JSON
def refit(*, study: str, trial: int | None, epochs: int | None, runs: str, as_json: bool) -> int:
    """Train the winner once more, on training and validation images.

    The refit is then what is handed over, in best/. A refit of another trial is kept in that trial's folder.
    """
    from search.results.status import find_run
    from search.winner.refit import RefitRequest

    folder = find_run(study, runs)
    if epochs is not None and epochs < 1:
        raise UsageError(f"invalid --epochs '{epochs}': expected at least 1")
    _check_trial(folder, trial)
    resolved, output = continued(folder, {}), Output(json=as_json)
    with terminal(resolved, output) as progress:
        summary = search_to_end(resolved, progress, refit=RefitRequest(trial=trial, epochs=epochs))
    return print_end(summary, output)


def _check_trial(folder: RunFolder, trial: int | None) -> None:
    """Refuse a trial that has no recipe, or a study without a complete trial."""
    trials = folder.read_trials()
    if trial is None:
        if not any(one.state == "COMPLETE" for one in trials):
            raise UsageError(f"study '{folder.path.name}' has no winner yet: no trial is complete")
        return
    numbers = [one.trial for one in trials if (folder.trial(one.trial) / layout.RECIPE).is_file()]
    if trial not in numbers:
        known = listing(list(map(str, numbers)), most=20) if numbers else "there is none"
        raise UsageError(f"invalid --trial '{trial}': expected a trial that has ended and has a recipe: {known}")


@click.command()
@STUDY
@click.option(
    "--size",
    metavar="N",
    type=WHOLE_NUMBER,
    default=ENSEMBLE_SIZE,
    help=f"Average at most N models; default: {ENSEMBLE_SIZE}.",
)
@RUNS
@JSON
def ensemble(*, study: str, size: int, runs: str, as_json: bool) -> None:
    """Average the best models of a study, and write them as one.

    Members are chosen by the validation images, one after the other and with replacement: one that is chosen twice
    counts twice.
    """
    from search.driver.ensembles import ensemble_of_study
    from search.results.status import find_run

    if size < 2:
        raise UsageError(f"invalid --size '{size}': expected at least 2")
    folder = find_run(study, runs)
    resolved = continued(folder, {})
    with terminal(resolved, Output(json=as_json)) as progress:
        found = ensemble_of_study(
            resolved.settings, space=resolved.space, places=resolved.places, size=size, progress=progress
        )
    model = folder.path / layout.ENSEMBLE / layout.MODEL
    if as_json:
        written = None if found is None else {**to_plain(found), "model": str(model)}
        print_out(json.dumps({"schema": 1, "ensemble": written}, indent=2))
    elif found is None:
        write_line(sys.stderr, "nothing is written: no mean of these models has a lower loss than the best one alone")
    else:
        for line in _lines(found, folder.path):
            write_line(sys.stderr, line)
        print_out(str(model))


def _lines(found: EnsembleRecord, folder: Path) -> list[str]:
    of = sum(member.count for member in found.members)
    members = ", ".join(f"trial {member.trial} ({member.count} of {of})" for member in found.members)
    test = found.test
    low, high = test.interval_95
    interval = f"95 % interval {low:.4f} to {high:.4f}"
    return [
        f"averaged: {members}",
        f"{found.metric} {found.score:.4f} on the validation images, by which they were chosen",
        f"for the record: test accuracy {test.accuracy:.4f} on {test.images:,} test images ({interval})",
        f"export it: python -m search export {folder} --ensemble --to DIR",
    ]
