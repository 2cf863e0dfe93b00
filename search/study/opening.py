"""A run's study, taken from its database, and what is tried first in it."""

from __future__ import annotations

import optuna
from optuna.storages import RDBStorage

from search.progress.protocol import Progress
from search.results.run_folder import RunFolder
from search.settings import RunSettings
from search.study.study import Study, open_study
from spaces.errors import SpaceError, StudyConflictError
from spaces.parameters import find_parameters, recipe_for
from spaces.recipe import ImageShape
from spaces.space import Parameters, Space


def study_for(
    storage: RDBStorage,
    settings: RunSettings,
    *,
    space: Space,
    images: ImageShape,
    classes: int,
    folder: RunFolder,
    progress: Progress,
) -> Study:
    """Return the study of a run, begun or continued, with what its space has to try first for this data.

    Raises:
        StudyConflictError: the stored study is another's, lacks the trials of its folder, or its space has changed.
        StorageError: the database can't be read.
    """
    stored = open_study(storage, settings, spool=folder.spool)
    _refuse_to_forget(stored.study, folder)
    if stored.missed:
        progress.note(f"{stored.missed} trials that the study's database had missed are entered from spool.jsonl")
    study = Study(
        stored.study,
        space=space,
        parameters=find_parameters(space, images=images, classes=classes),
        settings=settings,
        images=images,
        classes=classes,
        stored=stored,
    )
    study.queue(*_fitting(space, images=images, classes=classes, progress=progress))
    return study


def _refuse_to_forget(study: optuna.Study, folder: RunFolder) -> None:
    """Refuse a database without trials where the run folder has results, which would be trained again, and replaced."""
    there = [number for number in folder.numbers() if (folder.trial(number) / "result.json").exists()]
    if there and not study.get_trials(deepcopy=False):
        raise StudyConflictError(
            f"study '{study.study_name}' has no trials in its database, and {folder.path} has the results of "
            f"{len(there)}: the database is another one, or it was lost.\n"
            "Bring back the one that was there, say --storage as then, or choose another --study"
        )


def _fitting(
    space: Space, *, images: ImageShape, classes: int, progress: Progress
) -> tuple[dict[str, Parameters], dict[str, Parameters]]:
    """Return the baselines and the starts that can be built for this data."""
    fitting: tuple[dict[str, Parameters], dict[str, Parameters]] = ({}, {})
    for kind, given, kept in zip(("baseline", "start"), (space.baselines, space.starts), fitting, strict=True):
        for name, params in given.items():
            try:
                recipe_for(space, params, images=images, classes=classes)
            except SpaceError as error:
                progress.note(f"{kind} '{name}' of space '{space.name}': {error}; it is left out for this data")
            else:
                kept[name] = params
    return fitting
