"""The commands `export` and `predict`: the winning model outside its run folder."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from reports.stored import layout
from search.cli.output import print_out
from search.cli.parameters import JSON, RUNS, STUDY, WHOLE_NUMBER
from search.wording import write_line
from spaces.errors import DataError, UsageError


@click.command()
@STUDY
@click.option("--to", metavar="DIR", type=Path, required=True, help="Write the files to DIR, which is made if missing.")
@click.option("--trial", metavar="N", type=WHOLE_NUMBER, help="Export trial N; default: the winner.")
@click.option("--ensemble", is_flag=True, help="Export what `ensemble` wrote.")
@click.option("--onnx", is_flag=True, help="Also write model.onnx.")
@click.option("--saved-model", is_flag=True, help="Also write saved_model/.")
@RUNS
def export(
    *, study: str, to: Path, trial: int | None, ensemble: bool, onnx: bool, saved_model: bool, runs: str
) -> None:
    """Write the winner as model.keras and as a plain Keras script."""
    from search.results.export import Formats, export_ensemble
    from search.results.export import export as write_export
    from search.results.status import find_run

    if ensemble and trial is not None:
        raise UsageError("both --ensemble and --trial are given; expected one of them")
    folder, formats = find_run(study, runs), Formats(onnx=onnx, saved_model=saved_model)
    if ensemble:
        written = export_ensemble(folder, to=to, formats=formats)
    else:
        written = write_export(folder, to=to, trial=trial, formats=formats)
    if (card := to / layout.CARD) in written.files:
        write_line(sys.stderr, f"the model's classes, in the order of its outputs: {card}")
    if written.note:
        write_line(sys.stderr, written.note)
    print_out("\n".join(map(str, written.files)))


@click.command()
@click.argument("model", type=Path, help="A .keras file, written by a search or by `export`.")
@click.argument("images", type=Path, nargs=-1, required=True, metavar="IMAGE...", help="Image files.")
@JSON
@click.option("--csv", "as_csv", is_flag=True, help="Print a CSV table.")
@click.option("--trust", is_flag=True, help="Load the model even if its hash is not known.")
def predict(*, model: Path, images: tuple[Path, ...], as_json: bool, as_csv: bool, trust: bool) -> int:
    """Print class probabilities for image files; the exit code is 3 if one can't be read."""
    from search.results.predict import predict_files

    if as_json and as_csv:
        raise UsageError("both --json and --csv are given; expected one of them")
    answers = predict_files(model, images, trust=trust)
    print_out(answers.as_json() if as_json else answers.as_csv() if as_csv else answers.as_text())
    return DataError.exit_code if answers.unread else 0
