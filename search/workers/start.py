"""The workers that the settings name: Ray's, begun early and in the background, or the process' own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from objectives.messages import Objective, StudyData
from search.results.run_folder import RunFolder
from search.settings import RunSettings
from search.system.signals import Stopped
from search.workers.inline import InlineWorkers
from search.workers.protocol import Workers
from spaces.errors import UsageError
from spaces.space import Space


class Hire(Protocol):
    """Makes the workers of a run, once there are data to give them."""

    def __call__(self, *, data: StudyData, objective: Objective, is_halted: Callable[[int], bool]) -> Workers:
        """Return workers that hold `data`; returns at once.

        Workers of this process ask `is_halted` after each batch of a trial, since nobody can tell them meanwhile.
        """


@contextmanager
def executor(settings: RunSettings, *, space: Space, folder: RunFolder, note: Callable[[str], None]) -> Iterator[Hire]:
    """Begin whatever takes long to start, and yield what makes the workers; end them on leaving.

    Args:
        settings: which executor, and how many workers.
        space: what they train.
        folder: of the run.
        note: told what a person should know meanwhile.

    Raises:
        UsageError: the settings ask for what the executor does not have.
    """
    if settings.executor == "inline":
        with _inline(settings, folder) as hire:
            yield hire
    else:
        with _ray(settings, space, folder, note) as hire:
            yield hire


@contextmanager
def _inline(settings: RunSettings, folder: RunFolder) -> Iterator[Hire]:
    if settings.workers not in (None, 1):
        raise UsageError(f"--workers is {settings.workers}; accepted with --executor inline: 1")
    opened: list[Workers] = []

    def hire(*, data: StudyData, objective: Objective, is_halted: Callable[[int], bool]) -> Workers:
        opened.append(InlineWorkers(data=data, objective=objective, log_file=folder.log, is_halted=is_halted))
        return opened[-1]

    try:
        yield hire
    finally:
        for workers in opened:
            workers.close()


@contextmanager
def _ray(settings: RunSettings, space: Space, folder: RunFolder, note: Callable[[str], None]) -> Iterator[Hire]:
    from search.workers.ray_backend.session import RaySession

    session = RaySession.begin(
        log_file=folder.log,
        workers=settings.workers,
        address=settings.ray_address,
        modules=() if space.module.startswith("spaces.") else (space.module,),
        is_insecure=settings.insecure_ray,
        note=note,
    )

    def hire(*, data: StudyData, objective: Objective, is_halted: Callable[[int], bool]) -> Workers:
        from search.workers.ray_backend.workers import (
            RayWorkers,
        )  # imports Ray, which the session's thread has begun to do

        return RayWorkers(
            session=session, data=data, objective=objective, patience_seconds=settings.cluster_wait_seconds
        )

    may_wait = True
    try:
        yield hire
    except Stopped as stopped:
        may_wait = not stopped.is_at_once
        raise
    finally:
        session.close(may_wait=may_wait)
