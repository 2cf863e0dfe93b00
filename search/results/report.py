"""Writing a study's report, once or whenever results change, from its folder and its database."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import optuna

from reports.findings.answer import Answer
from reports.findings.findings import Findings, find
from reports.pages.page import publish
from reports.stored import layout
from reports.stored.read import read_run
from reports.stored.study_copy import copy_study, in_memory
from search.results.places import storage_of
from search.results.run_folder import RunFolder
from search.results.status import is_being_run, read_settings
from search.storage.database import study_storage
from search.storage.url import sqlite_file, study_url, without_secrets
from spaces.errors import RecordError, StorageError, TamizError, first_line

SHORTEST_PAUSE_SECONDS = 2.0
_share = 0.1
"""Part of the time that writing may take from a search on the same cores."""
_stored = (
    layout.SETTINGS,
    layout.DATABASE,
    f"{layout.DATABASE}-wal",
    f"{layout.TRIALS}/*/{layout.RESULT}",
    f"{layout.BEST}/{layout.MEASUREMENT}",
)

State = frozenset[tuple[str, int, int]]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a report is to be."""

    is_lite: bool = False
    """A page of at most 1 MB without script, in a file of its own."""
    grid: tuple[str, str] | None = None
    """Parameters for the columns and rows of the grid of learning curves; None: the most informative."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Report:
    """A report that was written."""

    findings: Findings
    path: Path
    """Of the page."""

    @property
    def answer(self) -> Answer:
        """What it says, for programs."""
        return replace(self.findings.answer, report=str(self.path))


def write_report(folder: RunFolder, wanted: Wanted, *, note: Callable[[str], None], url: str | None = None) -> Report:
    """Write a study's report from what is stored; an older one stays until the new one is whole.

    Args:
        folder: the study's.
        wanted: what the report is to be.
        note: receives one line where the study's database could not be read and the report is written without it.
        url: of that database, where the caller knows it; None: from the run's settings.

    Raises:
        UsageError: the folder is not a run folder, or the study has no such parameter of the grid.
        StorageError: the folder can't be written.
    """
    findings = find(read_run(folder.path, study=_study(folder, note, url)), grid=wanted.grid)
    try:
        path = publish(findings, is_lite=wanted.is_lite)
    except OSError as error:
        raise StorageError(
            f"can't write the report in {folder.path}: {error.strerror or error}; an older one stays as it was"
        ) from error
    return Report(findings=findings, path=path)


def changes(
    folder: RunFolder,
    since: State,
    *,
    is_running: Callable[[RunFolder], bool] = is_being_run,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Yield whenever what is stored has changed, until no search runs any more and the last change was yielded.

    Args:
        folder: the study's.
        since: the state that is known already.
        is_running: whether a driver works on the study.
        pause: waits for some seconds; longer where handling a change takes longer.
    """
    seconds = 0.0
    while True:
        goes_on = is_running(folder)  # asked first: what is stored after it is seen the next time
        state = stored_state(folder)
        if state != since:
            since, began = state, time.monotonic()
            yield
            seconds = time.monotonic() - began
        if not goes_on:
            return
        pause(max(SHORTEST_PAUSE_SECONDS, seconds / _share))


def stored_state(folder: RunFolder) -> State:
    """Return the name, time of change and size of each file that a report is made from."""
    found = set()
    for pattern in _stored:
        for path in folder.path.glob(pattern):
            try:
                known = path.stat()
            except FileNotFoundError:  # gone since it was listed
                continue
            found.add((str(path), known.st_mtime_ns, known.st_size))
    return frozenset(found)


def _study(folder: RunFolder, note: Callable[[str], None], url: str | None) -> optuna.Study | None:
    """Return a copy of a study that is in a database of its own; None where it is in the folder, or out of reach."""
    record = read_settings(folder)
    if record.settings.get("storage") is None:
        return None
    try:
        return _copy(url or study_url(storage_of(folder, record), folder.database), record.study)
    except (TamizError, KeyError, optuna.exceptions.OptunaError) as error:
        problem = without_secrets(first_line(error))
        note(f"the study's database can't be read, so the report is written without it: {problem}")
        return None


def _copy(url: str, study: str) -> optuna.Study:
    if (file := sqlite_file(url)) is not None:
        try:
            return copy_study(file, study)
        except RecordError as error:
            raise RecordError(f"{file} {error}") from None
    with study_storage(url) as storage:
        return in_memory(optuna.load_study(study_name=study, storage=storage))
