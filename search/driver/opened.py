"""An open study with all that a search needs, from the locks to the workers, and the end of all that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from optuna.storages import RDBStorage

from search.driver.compatibility import removed_if_refused, start_over
from search.driver.fork import Fork
from search.driver.prepare import Prepared, prepare
from search.lease.folder_lock import Holder, lease
from search.lease.server_lock import server_lease
from search.progress.log import logged
from search.progress.protocol import Progress
from search.results.run_folder import RunFolder
from search.settings import RunSettings
from search.storage.database import study_storage
from search.storage.url import hidden_from_processes
from search.study.opening import open_study
from search.system.disk import disk_in_words, is_full
from search.system.signals import StopRequest
from search.trainings.parts import SearchParts, assemble
from search.workers.start import open_workers
from spaces.errors import StorageError
from spaces.space import Space


@contextmanager
def opened(
    settings: RunSettings,
    space: Space,
    folder: RunFolder,
    url: str,
    *,
    places: Mapping[str, str],
    command: str,
    began: float,
    progress: Progress,
    fork: Fork | None = None,
) -> Iterator[tuple[SearchParts, Prepared, RDBStorage]]:
    """Lock the study, start its workers, load the data, open its database; undo all that in reverse on leaving."""
    holder = Holder.this()
    with (
        removed_if_refused(folder.path),
        lease(folder.path, settings.study, holder),
        logged(progress, folder.log, command=command) as progress,
        _ending(folder, progress),
        StopRequest(progress.note) as stop,
        server_lease(url, settings.study, holder),
        hidden_from_processes(settings.storage),  # workers have no use for it
        # Workers start first, in the background, since nothing else takes as long.
        open_workers(settings, space=space, log_file=folder.workers_log, note=progress.note) as make_workers,
    ):
        prepared = prepare(settings, space=space, folder=folder, places=places, command=command, progress=progress)
        if fork is not None and prepared.is_new:
            fork.make(prepared.record, settings, space=space, to=folder, url=url)
        if prepared.starts_over:
            start_over(folder, url, settings, note=progress.note)
        folder.write_run(prepared.record, prepared.split)
        with study_storage(url) as storage:
            study = open_study(
                storage,
                settings,
                space=space,
                images=prepared.dataset.shape,
                classes=len(prepared.dataset.classes),
                folder=folder,
                progress=progress,
            )
            parts = assemble(
                settings,
                study=study,
                data=prepared.study_data,
                corrects_averages=prepared.record.corrects_averages,
                began=began,
                make_workers=make_workers,
                folder=folder,
                stop=stop,
                progress=progress,
            )
            try:
                yield parts, prepared, storage
            finally:
                progress.phase("stopping the workers")


@contextmanager
def _ending(folder: RunFolder, progress: Progress) -> Iterator[None]:
    """End the display on leaving, and turn a full disk into `StorageError`."""
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        raise StorageError(f"{disk_in_words(folder.path)}; finished trials are kept") from error
    finally:
        progress.ended()
