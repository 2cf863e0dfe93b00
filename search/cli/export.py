"""Commands that take a study elsewhere: export, predict, compare, dashboard."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from search.wording import write_line
from spaces.errors import DataError, StorageError, UsageError
from spaces.records import to_plain


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """What `predict` has to say."""

    text: str
    exit_code: int
    """3 where a file was no readable image."""


def export(study: str, *, to: Path, trial: int | None, onnx: bool, saved_model: bool, runs: str | None) -> str:
    """Write a trial's files; return their paths, one a line."""
    from search.results.export import Formats
    from search.results.export import export as write_export
    from search.results.status import find_run

    written = write_export(
        find_run(study, runs or "runs"), to=to, trial=trial, formats=Formats(onnx=onnx, saved_model=saved_model)
    )
    if written.note:
        write_line(sys.stderr, written.note)
    return "\n".join(map(str, written.files))


def predict(model: Path, images: Sequence[Path], *, as_json: bool, as_csv: bool, trust: bool) -> Predicted:
    """Return what a model says of image files, as text, JSON or CSV."""
    from search.results.predict import predict_files

    if as_json and as_csv:
        raise UsageError("both --json and --csv are given; accepted: one of them")
    answers = predict_files(model, images, trust=trust)
    text = answers.as_json() if as_json else answers.as_csv() if as_csv else answers.as_text()
    return Predicted(text=text, exit_code=DataError.exit_code if answers.unread else 0)


def compare(studies: Sequence[str], *, runs: str | None, as_json: bool, as_page: bool) -> str:
    """Return several studies side by side, as text or as one JSON object; with the path of a page, if one is wanted.

    Raises:
        UsageError: fewer than two studies, one twice, or none of that name.
        StudyConflictError: their data differ.
        StorageError: the page can't be written.
    """
    from reports.findings.comparison import compare as compare_runs
    from reports.pages.comparison import write_comparison
    from reports.stored.read import read_run
    from search.results.status import find_run

    read = [read_run(find_run(study, runs or "runs").path) for study in studies]
    found = compare_runs(read)
    try:
        page = str(write_comparison(read, found)) if as_page else None
    except OSError as error:
        raise StorageError(f"can't write the page in {read[0].folder}: {error.strerror or error}") from error
    if as_json:
        return json.dumps({"schema": 1} | to_plain(found) | ({"report": page} if page else {}), indent=2)
    return "\n".join([*found.lines(), *(["", page] if page else [])])


def dashboard(study: str | None, *, port: int, host: str, token: str | None, read_only: bool, runs: str | None) -> None:
    """Serve a study's dashboard until Ctrl-C; prints its address."""
    from search.cli.output import say
    from search.dashboard.server import serve
    from search.results.status import find_run, latest_run

    folder = latest_run(runs or "runs") if study is None else find_run(study, runs or "runs")
    with contextlib.suppress(KeyboardInterrupt):
        serve(folder, host=host, port=port, token=token, is_read_only=read_only, say=say)
