"""One run of a search, from settings to summary. The driver asks and decides; workers only train."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import optuna

from objectives import keras_settings
from reports.stored.records import RunRecord
from search.driver.fork import Fork
from search.driver.loop import Search
from search.driver.opened import opened
from search.progress.protocol import Progress, SearchPlan
from search.results.run_folder import RunFolder
from search.results.status import stored_summary
from search.results.summary import TIMED_OUT, RunSummary
from search.settings import RunSettings
from search.storage.url import study_url
from search.system.disk import space_warning
from search.system.signals import Stopped, Terminated
from search.trainings.parts import SearchParts
from spaces.errors import NothingCompletedError, TamizError, UsageError
from spaces.space import Space

if TYPE_CHECKING:
    from search.results.report import Report
    from search.winner.refit import RefitRequest

_stopped = "stopped as requested; running trials resume at their epoch when the study is continued"


def run_search(
    settings: RunSettings,
    *,
    space: Space,
    progress: Progress,
    command: str,
    places: Mapping[str, str] = MappingProxyType({}),
    fork: Fork | None = None,
    refit: RefitRequest | None = None,
) -> RunSummary:
    """Search, or continue a search, until its trials are done, it times out, or a stop is requested.

    Args:
        settings: of the run.
        space: the one that `settings.space` names.
        progress: where the run is shown.
        command: the command line that repeats this run, for the record.
        places: where the files lie that the settings name; those left out lie where the settings say.
        fork: the study that a new one starts from; None: none.
        refit: refit a trial instead of searching on; None: search.

    Returns:
        How the run ended.

    Raises:
        TamizError: see `spaces.errors`; everything finished so far is in the run folder.
    """
    began = time.monotonic()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if (unused := keras_settings.check()) is not None:
        progress.note(unused)
    folder = RunFolder.at(Path(settings.runs), settings.study)
    url = study_url(places.get("storage", settings.storage), folder.database)
    with opened(
        settings, space, folder, url, places=places, command=command, began=began, progress=progress, fork=fork
    ) as (parts, prepared, storage):
        progress = parts.progress  # which writes the log too
        from search.dashboard.figures import keep_figures  # takes two seconds, during which Ray starts
        from search.winner.finish import finish

        _warn_of_full_disk(parts, prepared.record)
        progress.started(_plan(parts, prepared.record, began=began))
        search, stop = Search(parts), parts.stop
        try:
            if refit is None:
                with stop.in_order():
                    search.run()
            if stop.error is None:
                finish(parts, record=prepared.record, test_images=prepared.dataset.test_images, request=refit)
            if stop.is_immediate:
                _summary(search, parts, seconds=time.monotonic() - began)
                raise Terminated(f"{_stopped}; then the report is written, or now by python -m search report")
        except (Stopped, UsageError):
            raise  # without a report: there is no time for it, or nothing to report
        except BaseException:
            with contextlib.suppress(TamizError):  # the first error is the one to report
                _write_report(folder, progress, url)
            raise
        report = _write_report(folder, progress, url)
        keep_figures(report.findings, storage, note=progress.note)
        summary = _summary(search, parts, seconds=time.monotonic() - began)
        progress.finished(summary)
        if stop.error is not None:
            raise stop.error(_stopped)
        if summary.best is None:
            raise NothingCompletedError(_nothing_completed(summary))
        return summary


def _warn_of_full_disk(parts: SearchParts, record: RunRecord) -> None:
    short = space_warning(
        parts.folder.path,
        trials=max(0, parts.study.total(parts.settings.trials) - parts.study.started()),
        validation=record.data.validation,
        classes=len(record.data.classes),
    )
    if short is not None:
        parts.progress.note(f"{short}: the search will pause when the disk is full")


def _write_report(folder: RunFolder, progress: Progress, url: str) -> Report:
    from search.results.report import Wanted, write_report

    progress.phase("writing the report")
    return write_report(folder, Wanted(), note=progress.note, url=url)


def _plan(parts: SearchParts, record: RunRecord, *, began: float) -> SearchPlan:
    settings = parts.settings
    return SearchPlan(
        study=settings.study,
        space=settings.space,
        data=record.data.name,
        metric=settings.metric,
        direction=record.direction,
        trials=parts.study.total(settings.trials),
        epochs=settings.epochs,
        workers=parts.workers.count,
        timeout_seconds=settings.timeout_seconds,
        earlier=tuple(parts.folder.read_trials()),
        seconds_before=time.monotonic() - began,
    )


def _summary(search: Search, parts: SearchParts, *, seconds: float) -> RunSummary:
    summary = stored_summary(parts.folder, reason=search.ended_early)
    assert summary.trials is not None
    assert summary.seconds is not None
    is_cut_short = summary.confirmed is not None and not summary.confirmed.is_complete
    summary = replace(
        summary,
        status="done",
        reason=search.ended_early or (TIMED_OUT if is_cut_short and parts.stop.error is None else None),
        seconds=replace(summary.seconds, total=summary.seconds.total + seconds),
    )
    parts.folder.write_summary(summary)
    return summary


def _nothing_completed(summary: RunSummary) -> str:
    counts = summary.trials
    assert counts is not None
    if summary.reason == TIMED_OUT:
        return "timed out before any trial completed; allow more time, fewer --epochs, or fewer --train-images"
    return f"no trial completed: {counts.failed} failed, {counts.pruned} pruned; see {summary.report}"
