"""A run's study in its database: opened, or created."""

from __future__ import annotations

from pathlib import Path

import optuna
from optuna.storages import RDBStorage

from objectives.evaluation.metrics import METRICS
from reports.stored.records import schema
from search.algorithms.pruners import experimental_warnings_ignored, make_pruner
from search.settings import RunSettings
from search.storage.database import name_only_study
from search.storage.write_behind import WriteBehindStudy
from spaces.errors import StudyConflictError

FORM = "tamiz:format"
"""Study attribute: version of the attributes of its trials, that of the records in a run folder."""


def open_stored_study(storage: RDBStorage, settings: RunSettings, *, spool: Path | None = None) -> WriteBehindStudy:
    """Open or create the study of these settings; trials that its database lacks are read from the spool.

    Raises:
        UsageError: the spool is damaged.
        StudyConflictError: the study has another direction, or was written by a newer Tamiz.
    """
    direction = METRICS[settings.metric].direction
    if settings.storage is None:
        name_only_study(storage, settings.study)
    with experimental_warnings_ignored():
        study = optuna.create_study(
            study_name=settings.study,
            storage=storage,
            direction=optuna.study.StudyDirection[direction.name],
            pruner=make_pruner(settings.pruner, settings.epochs),
            load_if_exists=True,
        )
        stored_directions = [one.name.lower() for one in study.directions]
        if stored_directions != [direction]:
            raise StudyConflictError(
                f"the database has a study '{settings.study}' to {' and '.join(stored_directions)}, but "
                f"{settings.metric} is to {direction}; choose another --study"
            )
        study.set_metric_names([settings.metric])
    stored = WriteBehindStudy(study, storage, spool=spool)
    form = stored.study.user_attrs.get(FORM, schema)
    if not isinstance(form, int) or form > schema:
        raise StudyConflictError(
            f"study '{settings.study}' is of format {form} in its database; this Tamiz knows formats up to {schema}. "
            "Update Tamiz, or choose another --study"
        )
    stored.study.set_user_attr(FORM, schema)
    return stored
