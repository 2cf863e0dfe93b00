"""Making an ensemble of a study that exists, from settings to record."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reports.stored.ensemble import EnsembleRecord
from search.driver.prepare import prepare
from search.lease.folder_lock import Holder, lease
from search.progress.protocol import Progress
from search.results.run_folder import RunFolder
from search.settings import RunSettings
from search.winner.ensemble import make_ensemble
from spaces.space import Space


def ensemble_of_study(
    settings: RunSettings, *, space: Space, places: Mapping[str, str], size: int, progress: Progress
) -> EnsembleRecord | None:
    """Make an ensemble of a study's kept models, which must not be searched meanwhile.

    Args:
        settings: the study's stored ones.
        space: the one that they name.
        places: where the files lie that they name.
        size: how many models to put together at most.
        progress: where it is shown.

    Returns:
        As `search.winner.ensemble.make_ensemble`.

    Raises:
        TamizError: the study is busy, its data, space or backbone have changed, or as `make_ensemble`.
    """
    folder = RunFolder.at(Path(settings.runs), settings.study)
    with lease(folder.path, settings.study, Holder.this()):
        prepared = prepare(settings, space=space, folder=folder, places=places, command="", progress=progress)
        progress.phase("putting models together")
        test = prepared.study_data.test
        assert test is not None
        return make_ensemble(folder, prepared.record, size=size, test=test, note=progress.note)
