"""The log of a run folder: the lines of `PlainProgress` with date and time, whatever the terminal shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from search.progress.plain import PlainProgress
from search.progress.protocol import Progress, SearchPlan
from search.results.ending import end_lines
from search.storage.url import without_secrets
from search.system.signals import Stopped

if TYPE_CHECKING:
    from objectives.messages import EpochReport
    from reports.stored.records import TrialRecord
    from search.results.summary import RunSummary
    from spaces.space import Parameters


@contextmanager
def logged(progress: Progress, file: Path, *, command: str) -> Iterator[Progress]:
    """Yield a progress that is shown by `progress` and appended to a log, which then says how the run ended.

    Args:
        progress: what the user sees.
        file: the log.
        command: the command line, its first line.
    """
    with file.open("a", encoding="utf-8") as stream:
        log = _LogProgress(stream)
        log.note(command)
        try:
            yield _Both(progress, log)
        except BaseException as error:
            log.note(without_secrets(f"{'ended' if isinstance(error, Stopped) else 'error'}: {error}"))
            raise


class _LogProgress(PlainProgress):
    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream, status_seconds=None)

    def finished(self, summary: RunSummary) -> None:
        for line in end_lines(summary):
            self._write(line)

    def _write(self, line: str) -> None:
        super()._write(f"{datetime.now():%Y-%m-%d %H:%M:%S} {line}")


class _Both(Progress):
    def __init__(self, *shown: Progress) -> None:
        self._shown = shown

    def phase(self, line: str) -> None:
        for one in self._shown:
            one.phase(line)

    def phase_reached(self, done: int, of: int, thing: str) -> None:
        for one in self._shown:
            one.phase_reached(done, of, thing)

    def started(self, plan: SearchPlan) -> None:
        for one in self._shown:
            one.started(plan)

    def planned(self, trials: int) -> None:
        for one in self._shown:
            one.planned(trials)

    def trial_started(
        self, trial: int, params: Parameters, *, worker: int, title: str = "", epochs: int | None = None
    ) -> None:
        for one in self._shown:
            one.trial_started(trial, params, worker=worker, title=title, epochs=epochs)

    def epoch_reported(self, trial: int, report: EpochReport, *, worker: int) -> None:
        for one in self._shown:
            one.epoch_reported(trial, report, worker=worker)

    def trial_paused(self, trial: int) -> None:
        for one in self._shown:
            one.trial_paused(trial)

    def trial_ended(self, record: TrialRecord) -> None:
        for one in self._shown:
            one.trial_ended(record)

    def note(self, line: str) -> None:
        for one in self._shown:
            one.note(line)

    def info(self, line: str) -> None:
        for one in self._shown:
            one.info(line)

    def finished(self, summary: RunSummary) -> None:
        for one in self._shown:
            one.finished(summary)

    def ended(self) -> None:
        for one in self._shown:
            one.ended()
