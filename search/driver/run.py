"""One run, as a straight line: settings in, summary out. The driver asks and tells; workers only train."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import optuna
import sqlalchemy

from objectives.messages import Objective
from search.driver.budget import Budget
from search.driver.fork import Fork
from search.driver.loop import Search
from search.driver.prepare import Prepared, prepare
from search.driver.trial_time import TrialTime
from search.driver.watchdog import Watchdog
from search.lease.folder_lock import Holder, lease
from search.lease.server_lock import server_lease
from search.progress.protocol import Progress, SearchPlan
from search.results.run_folder import RunFolder
from search.results.status import stored_summary
from search.results.summary import RunSummary
from search.settings import RunSettings
from search.storage.database import study_storage
from search.storage.retry import RetryingSaver
from search.storage.url import hidden_from_processes, resolve_storage
from search.study.opening import open_study
from search.study.study import Study
from search.system.disk import DiskGuard, disk_in_words, is_full, want_of_room
from search.system.signals import Stopped, StopRequest, Terminated
from search.workers.protocol import Workers
from search.workers.start import executor
from spaces.errors import NothingCompletedError, StorageError, TamizError
from spaces.space import Space

if TYPE_CHECKING:
    from search.results.report import Report

_stopped = "stopped as asked; trials under way go on at their epoch when the study is continued"


def run_search(
    settings: RunSettings, *, space: Space, progress: Progress, command: str, fork: Fork | None = None
) -> RunSummary:
    """Search, or continue a search, until the trials are done, the time is up, or somebody asks to stop.

    Args:
        settings: what to do.
        space: what `settings.space` names.
        progress: told as things happen.
        command: the command line that repeats this run, for the record.
        fork: what a new study begins with; None: with nothing.

    Returns:
        How the run ended: done, or stopped by a signal and resumable.

    Raises:
        TamizError: one of the tree in `spaces.errors`; everything finished so far is in the run folder.
    """
    began = time.monotonic()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    folder = RunFolder.at(Path(settings.runs), settings.study)
    with ExitStack() as cleanup:
        holder = Holder.this()
        cleanup.enter_context(lease(folder.path, settings.study, holder))
        cleanup.callback(progress.ended)
        cleanup.enter_context(_storage_faults(folder))
        stop = cleanup.enter_context(StopRequest(progress.note))
        url = resolve_storage(settings.storage) if settings.storage else f"sqlite:///{folder.database}"
        cleanup.enter_context(server_lease(url, settings.study, holder))
        cleanup.enter_context(hidden_from_processes(settings.storage))  # workers have no use for it
        hire = cleanup.enter_context(executor(settings, space=space, folder=folder, note=progress.note))
        prepared = prepare(
            settings,
            space=space,
            folder=folder,
            command=command,
            progress=progress,
            begin=lambda record: None if fork is None else fork.make(record, settings, space=space, to=folder, url=url),
        )
        storage = cleanup.enter_context(study_storage(url))
        study = open_study(
            storage,
            settings,
            space=space,
            images=prepared.dataset.shape,
            classes=len(prepared.dataset.classes),
            folder=folder,
            progress=progress,
        )
        objective = Objective(metric=settings.metric, epochs=settings.epochs)
        budget = Budget(trials=study.total(settings.trials), timeout_seconds=settings.timeout_seconds)
        trial_time = TrialTime(limit_seconds=settings.trial_timeout_seconds)
        workers = hire(
            data=prepared.study_data,
            objective=objective,
            is_halted=lambda trial: stop.is_immediate or budget.is_overdue or trial_time.is_over(trial),
        )
        from search.dashboard.figures import keep_figures  # takes two seconds, in which Ray starts
        from search.winner.measure import measure_winner

        _warn_of_a_full_disk(settings, study=study, prepared=prepared, folder=folder, progress=progress)
        progress.started(_plan(settings, prepared=prepared, study=study, folder=folder, workers=workers))
        search = _search(
            settings,
            study=study,
            workers=workers,
            budget=budget,
            trial_time=trial_time,
            folder=folder,
            progress=progress,
            stop=stop,
        )
        try:
            with stop.in_order():
                search.run()
            if stop.is_immediate:
                _summary(folder, study=study, search=search, seconds=time.monotonic() - began)
                raise Terminated(f"{_stopped}; the report is written then, or by python -m search report")
            if stop.error is None:
                measure_winner(
                    study,
                    prepared=prepared,
                    folder=folder,
                    workers=workers,
                    progress=progress,
                    watchdog=Watchdog(stall_seconds=settings.trial_stall_seconds),
                )
        except Stopped:
            raise  # without a report: somebody, or the machine, has no time for it
        except BaseException:
            with contextlib.suppress(TamizError):  # what went wrong before is what a person must read
                _write_report(folder, progress, url)
            raise
        report = _write_report(folder, progress, url)
        keep_figures(report.findings, storage, note=progress.note)
        summary = _summary(folder, study=study, search=search, seconds=time.monotonic() - began)
        if stop.error is not None:
            raise stop.error(_stopped)
        if summary.best is None:
            raise NothingCompletedError(_nothing_completed(summary))
        return summary


def _warn_of_a_full_disk(
    settings: RunSettings, *, study: Study, prepared: Prepared, folder: RunFolder, progress: Progress
) -> None:
    short = want_of_room(
        folder.path,
        trials=max(0, study.total(settings.trials) - study.started()),
        validation=prepared.record.data.validation,
        classes=len(prepared.dataset.classes),
    )
    if short is not None:
        progress.note(f"{short}: it will pause when the disk is full")


def _search(
    settings: RunSettings,
    *,
    study: Study,
    workers: Workers,
    budget: Budget,
    trial_time: TrialTime,
    folder: RunFolder,
    progress: Progress,
    stop: StopRequest,
) -> Search:
    patience = settings.storage_wait_seconds
    disk = DiskGuard(folder.path, note=progress.note, patience_seconds=patience, is_stopping=lambda: stop.is_requested)
    return Search(
        study=study,
        workers=workers,
        budget=budget,
        folder=folder,
        progress=progress,
        stop=stop,
        seed=settings.seed,
        until=settings.until,
        saving=RetryingSaver(study, note=progress.note, patience_seconds=patience, disk=disk),
        disk=disk,
        watchdog=Watchdog(stall_seconds=settings.trial_stall_seconds),
        trial_time=trial_time,
    )


def _write_report(folder: RunFolder, progress: Progress, url: str) -> Report:
    from search.results.report import Wanted, write_report

    progress.phase("writing the report")
    return write_report(folder, Wanted(), note=progress.note, url=url)


@contextmanager
def _storage_faults(folder: RunFolder) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        raise StorageError(f"{disk_in_words(folder.path)}; what is finished is kept") from error
    except (optuna.exceptions.StorageInternalError, sqlalchemy.exc.DBAPIError) as error:
        cause = error.__cause__ or error
        raise StorageError(f"the study's database gave up: {str(cause).partition(chr(10))[0]}") from error


def _plan(
    settings: RunSettings, *, prepared: Prepared, study: Study, folder: RunFolder, workers: Workers
) -> SearchPlan:
    started = study.started()
    return SearchPlan(
        study=settings.study,
        space=settings.space,
        data=prepared.record.data.name,
        metric=settings.metric,
        direction=prepared.record.direction,
        trials=study.total(settings.trials),
        epochs=settings.epochs,
        workers=workers.count,
        timeout_seconds=settings.timeout_seconds,
        earlier=tuple(record for record in folder.read_trials() if record.trial < started),
    )


def _summary(folder: RunFolder, *, study: Study, search: Search, seconds: float) -> RunSummary:
    summary = stored_summary(folder)
    assert summary.trials is not None
    assert summary.seconds is not None
    summary = replace(
        summary,
        status="done",
        reason=search.ended_early,
        resumable=False,
        resume_command=None,
        trials=replace(summary.trials, running=len(study.interrupted())),
        seconds=replace(summary.seconds, total=summary.seconds.total + seconds),
    )
    folder.write_summary(summary)
    return summary


def _nothing_completed(summary: RunSummary) -> str:
    counts = summary.trials
    assert counts is not None
    if counts.running:
        return "the time was up before any trial completed; allow more time, fewer --epochs, or fewer --train-images"
    return f"no trial completed: {counts.failed} failed, {counts.pruned} were stopped early; see {summary.report}"
