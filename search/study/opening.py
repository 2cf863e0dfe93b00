"""Opens or creates a run's study and enqueues its first trials."""

from __future__ import annotations

from collections.abc import Mapping

import optuna
from optuna.storages import RDBStorage

from reports.stored import layout
from search.progress.protocol import Progress
from search.results.run_folder import RunFolder
from search.settings import RunSettings
from search.study.own_values import own_starts
from search.study.stored import open_stored_study
from search.study.study import Study
from spaces.errors import SpaceError, StudyConflictError
from spaces.parameters import find_parameters, recipe_for
from spaces.recipe import ImageShape
from spaces.space import Parameters, Space


def open_study(
    storage: RDBStorage,
    settings: RunSettings,
    *,
    space: Space,
    images: ImageShape,
    classes: int,
    folder: RunFolder,
    progress: Progress,
) -> Study:
    """Return a run's study; in a new one, the space's baselines and starts that fit this data are enqueued.

    The user's own values are enqueued in any study that has no trial of them.

    Raises:
        StudyConflictError: the stored study lacks the trials of the run folder, or differs in direction or choices.
        StorageError: the database can't be read.
        UsageError: the user's own values do not fit the space.
    """
    stored = open_stored_study(storage, settings, spool=folder.spool)
    _refuse_lost_database(stored.study, folder)
    if stored.missed:
        progress.note(f"{stored.missed} trials that the study's database lacked are entered from {layout.SPOOL}")
    study = Study(
        stored.study,
        space=space,
        parameters=find_parameters(space, images=images, classes=classes),
        settings=settings,
        images=images,
        classes=classes,
        stored=stored,
    )
    own = own_starts(space, images=images, classes=classes)
    study.queue(*_fitting(space, own, images=images, classes=classes, progress=progress))
    return study


def _refuse_lost_database(study: optuna.Study, folder: RunFolder) -> None:
    """Refuse a database without trials where the run folder has results, which new trials would overwrite."""
    with_results = [number for number in folder.numbers() if (folder.trial(number) / layout.RESULT).exists()]
    if with_results and not study.get_trials(deepcopy=False):
        raise StudyConflictError(
            f"study '{study.study_name}' has no trials in its database, but {folder.path} has the results of "
            f"{len(with_results)}: this is another database, or it was lost.\n"
            "Restore the original database, pass the same --storage as before, or choose another --study"
        )


def _fitting(
    space: Space, own: Mapping[str, Parameters], *, images: ImageShape, classes: int, progress: Progress
) -> tuple[dict[str, Parameters], dict[str, Parameters], dict[str, Parameters]]:
    """Return the baselines, the starts and the user's own that can be built for this data; of equal ones, the first."""
    fitting: tuple[dict[str, Parameters], dict[str, Parameters], dict[str, Parameters]] = ({}, {}, {})
    known: dict[str, str] = {}
    kinds = (
        (f"baseline '{{}}' of space '{space.name}'", space.baselines),
        (f"start '{{}}' of space '{space.name}'", space.starts),
        ("--enqueue '{}'", own),
    )
    for (kind, given), kept in zip(kinds, fitting, strict=True):
        for name, params in given.items():
            label = kind.format(name)
            try:
                recipe = recipe_for(space, params, images=images, classes=classes)
            except SpaceError as error:
                progress.note(f"{label}: {error}; it is left out for this data")
                continue
            first = known.setdefault(recipe.to_json(), label)
            if first != label and space.repeats is None:
                progress.note(f"{label} is the recipe of {first}; it is left out")
            else:
                kept[name] = params
    return fitting
