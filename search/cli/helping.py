"""One study, two commands: the second helps the first, and goes on with the study when nobody runs it any more."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import replace
from pathlib import Path

from search.driver.compatibility import (
    check_same_settings,
)
from search.driver.fork import Fork
from search.driver.run import run_search
from search.lease.folder_lock import Holder, Machine, StudyBusyError, is_being_run, read_holder
from search.lease.joining import RENEWED_SECONDS, Joining
from search.progress.protocol import Progress, SearchPlan
from search.results.run_folder import RunFolder
from search.results.status import read_trials, stored_summary
from search.results.summary import RunSummary
from search.settings import RunSettings
from search.system.signals import StopRequest
from search.system.stopping import Stopped
from spaces.errors import NothingCompletedError, StudyConflictError
from spaces.space import Space


def run_or_help(
    settings: RunSettings,
    *,
    space: Space,
    progress: Progress,
    command: str,
    joins: bool = False,
    fork: Fork | None = None,
) -> RunSummary:
    """Run a search; with `joins`, help whoever runs the study until nobody does, and then go on with it.

    Args:
        settings: what to do; `workers` is also for how many the other is asked, 1 where it is None.
        space: what `settings.space` names.
        progress: told as things happen, here or there.
        command: the command line that repeats this run.
        joins: whether the study may be another's.
        fork: what a new study begins with; None: with nothing.

    Raises:
        StudyBusyError: another runs the study, and `joins` is false.
        StudyConflictError: the other can't be helped from here, or searches something else.
        Stopped: somebody asked this process to stop while it helped; the other goes on.
        TamizError: as `run_search`.
    """
    began = time.monotonic()
    while True:
        left = None if settings.timeout_seconds is None else settings.timeout_seconds - (time.monotonic() - began)
        if left is not None and left <= 0:
            return _ended(settings, progress, reason="the time was up")
        try:
            left_to_do = replace(settings, timeout_seconds=left)
            return run_search(left_to_do, space=space, progress=progress, command=command, fork=fork)
        except StudyBusyError as busy:
            if not joins:
                raise
            _help(settings, busy, progress, seconds=left)
        if _is_done(settings):
            return _ended(settings, progress, reason=None)


def _help(settings: RunSettings, busy: StudyBusyError, progress: Progress, *, seconds: float | None) -> None:
    """Ask for workers until nobody runs the study, or the time is up."""
    folder = Path(settings.runs) / settings.study
    holder = busy.holder or read_holder(folder)  # who has just begun may not have said so yet
    if holder is not None:
        _refuse_where_helping_is_impossible(settings.study, holder)
    until = None if seconds is None else time.monotonic() + seconds
    joining = Joining(folder, workers=settings.workers or 1)
    watched = _Watched(settings, progress)
    who = "another process" if holder is None else holder.in_words
    progress.note(f"study '{settings.study}' is being run by {who}; this command helps it (Ctrl-C ends the help alone)")
    try:
        with StopRequest(progress.note), joining:
            while is_being_run(folder) and (until is None or time.monotonic() < until):
                with contextlib.suppress(OSError):  # a full disk, say, which the other deals with
                    joining.renew()
                watched.look()
                time.sleep(RENEWED_SECONDS / 2)
    except Stopped as stopped:
        progress.ended()
        raise type(stopped)("stopped helping; the study itself goes on") from None
    except BaseException:
        progress.ended()
        raise
    if not is_being_run(folder) and not _is_done(settings):
        progress.note(f"study '{settings.study}' is not being run by {who} any more; this command goes on with it")


def _is_done(settings: RunSettings) -> bool:
    """Whether a driver that ended in order left nothing to do."""
    folder = RunFolder(path=Path(settings.runs) / settings.study)
    if is_being_run(folder.path) or read_holder(folder.path) is not None or folder.read_run() is None:
        return False
    summary = stored_summary(folder)
    return summary.best is not None and summary.trials is not None and summary.trials.ended >= settings.trials


def _ended(settings: RunSettings, progress: Progress, *, reason: str | None) -> RunSummary:
    progress.ended()
    summary = stored_summary(RunFolder(path=Path(settings.runs) / settings.study))
    if summary.best is None:
        raise NothingCompletedError(f"{reason or 'the study ended'} before any trial completed")
    return replace(summary, status="done", reason=reason, resumable=False, resume_command=None)


def _refuse_where_helping_is_impossible(study: str, holder: Holder) -> None:
    busy = f"study '{study}' is being run by {holder.in_words}"
    if holder.executor == "inline":
        raise StudyConflictError(
            f"{busy}, in that process alone (--executor inline), which can't be helped; wait for it, "
            "or choose another --study"
        )
    if holder.machine.boot != Machine.this().boot and holder.ray_address is None:
        raise StudyConflictError(
            f"{busy}, with a Ray of its own, which another machine can't help. To share it:\n"
            "  there: ray start --head; stop the search; continue it with --ray-address HEAD:6379\n"
            "  here:  ray start --address=HEAD:6379, which makes this machine part of that cluster"
        )


class _Watched:
    """Tells a person of trials that another driver trains, from what it records."""

    def __init__(self, settings: RunSettings, progress: Progress) -> None:
        self._settings = settings
        self._progress = progress
        self._folder = RunFolder(path=Path(settings.runs) / settings.study)
        self._told: set[int] | None = None

    def look(self) -> None:
        """Tell what is new.

        Raises:
            StudyConflictError: the other searches something else.
        """
        if self._told is None:
            self._begin()
            return
        for number in self._folder.numbers():
            if number not in self._told and (record := self._folder.read_trial(number)) is not None:
                self._told.add(number)
                self._progress.trial_ended(record)

    def _begin(self) -> None:
        run = self._folder.read_run()
        if run is None:  # the other is still loading its data
            return
        check_same_settings(self._settings, run)
        trials, workers = run.settings.get("trials"), run.settings.get("workers")
        earlier = read_trials(self._folder)
        self._told = {record.trial for record in earlier}
        own = workers if isinstance(workers, int) else os.cpu_count() or 1
        self._progress.started(
            SearchPlan(
                study=run.study,
                space=run.space,
                data=run.data.name,
                metric=run.metric,
                direction=run.direction,
                trials=max(self._settings.trials, trials if isinstance(trials, int) else 0),
                epochs=run.epochs,
                workers=own + (self._settings.workers or 1),
                earlier=earlier,
            )
        )
