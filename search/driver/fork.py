"""Fork: a new study that starts with the trials of another, whose space was only widened since."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FixedTrial, FrozenTrial, TrialState

from reports.stored import layout
from reports.stored.records import RunRecord
from search.driver.compatibility import (
    describe_differences,
    other_study,
)
from search.lease.folder_lock import Holder, lease
from search.results.places import storage_of
from search.results.run_folder import RunFolder
from search.results.status import read_settings
from search.settings import (
    RunSettings,
    command_for,
)
from search.storage.database import study_storage
from search.storage.url import study_url
from search.storage.write_behind import WriteBehindStudy
from search.study.stored import open_stored_study
from spaces.errors import RecordError, SpaceError, StorageError, StudyConflictError, UsageError, first_line
from spaces.parameters import recipe_for
from spaces.recipe import ImageShape
from spaces.space import Parameters, Space
from spaces.suggest import TrialSuggest
from spaces.transfer import without_folder

_copied = (layout.TRIALS, layout.ARTIFACTS, layout.BEST)
_most_named = 3


@dataclass(frozen=True, kw_only=True)
class Fork:
    """The study that a new one starts from."""

    source: RunFolder
    """Run folder of the study whose trials are copied; it is not changed."""
    url: str
    """URL of that study's database."""

    @classmethod
    def of(cls, source: RunFolder) -> Fork:
        """Return a fork of the study in a run folder.

        Raises:
            UsageError: the folder is not a run, or its database URL is in a variable that is not set.
        """
        return cls(source=source, url=study_url(storage_of(source, read_settings(source)), source.database))

    def command(self, settings: RunSettings) -> str:
        """Return the command line that makes the same fork again."""
        return f"{command_for(replace(settings, study=self.source.path.name))} --fork {settings.study}"

    def make(self, record: RunRecord, settings: RunSettings, *, space: Space, to: RunFolder, url: str) -> None:
        """Copy the trials into a new study, files first, and its database in one transaction.

        Args:
            record: of the new study; not written yet.
            settings: of the new study.
            space: the new study's.
            to: its folder, still without a run.
            url: of its database.

        Raises:
            StudyConflictError: the studies differ in more than their spaces, the new space changes trials, or the new
                study's database has trials already.
            StorageError: the disk or a database failed.
        """
        old = read_settings(self.source)
        if differences := describe_differences(record, old, space_may_differ=True):
            raise other_study(old.study, differences)
        with lease(self.source.path, old.study, Holder.this()), self._trials(old.study) as (study, trials):
            copied = _in_new_space(trials, old, space=space, folder=self.source)
            try:
                for name in _copied:
                    if (self.source.path / name).is_dir():
                        shutil.copytree(self.source.path / name, to.path / name, dirs_exist_ok=True)
            except OSError as error:
                raise StorageError(f"cannot copy the trials into {to.path}: {error.strerror or error}") from error
            with study_storage(url) as storage:
                _enter(study, copied, storage, settings)

    @contextmanager
    def _trials(self, study: str) -> Iterator[tuple[optuna.Study, list[FrozenTrial]]]:
        with study_storage(self.url) as storage:
            try:
                stored = optuna.load_study(study_name=study, storage=storage)
            except KeyError:
                raise UsageError(f"the database of study '{study}' holds no such study") from None
            known = WriteBehindStudy(stored, storage, spool=self.source.spool).study
            yield known, known.get_trials(deepcopy=False)


def _in_new_space(
    trials: Sequence[FrozenTrial], old: RunRecord, *, space: Space, folder: RunFolder
) -> list[FrozenTrial]:
    """Return the trials with the ranges of the new space.

    Raises:
        StudyConflictError: names trials that the new space does not accept, or turns into another recipe.
    """
    images = ImageShape(height=old.data.height, width=old.data.width, channels=old.data.channels)
    classes = len(old.data.classes)
    if space.repeats is not None:
        raise StudyConflictError(f"space '{space.name}' is a designed experiment: start it again with another --study")
    copied, refused = [], []
    for trial in trials:
        try:
            copied.append(_in_new_ranges(trial, space, images=images, classes=classes, folder=folder))
        except (SpaceError, RecordError) as error:
            refused.append(f"  trial {trial.number}: {first_line(error)}")
    if refused:
        more = f"\n  and {len(refused) - _most_named} more" if len(refused) > _most_named else ""
        raise StudyConflictError(
            f"study '{old.study}' cannot be forked: space '{space.name}' changes its trials\n"
            + "\n".join(refused[:_most_named])
            + more
        )
    return copied


def _in_new_ranges(
    trial: FrozenTrial, space: Space, *, images: ImageShape, classes: int, folder: RunFolder
) -> FrozenTrial:
    """Return a trial with the new space's ranges, which samplers compare; they ignore failed trials."""
    params: Parameters = trial.params or trial.system_attrs.get("fixed_params", {})
    if trial.state is TrialState.FAIL or not params:
        return trial
    recipe = recipe_for(space, params, images=images, classes=classes)
    if trial.state.is_finished() and without_folder(recipe) != without_folder(folder.read_recipe(trial.number)):
        raise SpaceError("the space makes another recipe of the same choices now")
    if trial.state is TrialState.WAITING:
        return trial
    fixed = FixedTrial(dict(params))
    space.suggest(TrialSuggest(fixed, images=images, classes=classes))
    moved = copy.deepcopy(trial)
    moved.distributions = dict(fixed.distributions)
    return moved


def _enter(source: optuna.Study, trials: Sequence[FrozenTrial], storage: RDBStorage, settings: RunSettings) -> None:
    stored = open_stored_study(storage, settings)
    there = stored.study.get_trials(deepcopy=False)
    if [trial.params for trial in there] == [trial.params for trial in trials] and there:
        return  # an earlier attempt got this far
    if there:
        raise StudyConflictError(
            f"study '{settings.study}' already has {len(there)} trials in its database; choose another --fork"
        )
    stored.study.add_trials(trials)
    notes = source._storage.get_study_system_attrs(source._study_id)  # keys hold ids of trials, which are the same
    for key, value in notes.items():
        stored.study._storage.set_study_system_attr(stored.study._study_id, key, value)
    stored.save()


def fork_settings(settings: RunSettings, new: str) -> RunSettings:
    """Return the same settings for a fork named `new`.

    Raises:
        UsageError: the name is the study's own, or invalid.
        StudyConflictError: a study of that name exists.
    """
    if new == settings.study:
        raise UsageError(f"invalid --fork {new!r}: expected the name of a new study, not of the forked one")
    if (Path(settings.runs) / new / layout.SETTINGS).exists():
        raise StudyConflictError(f"study '{new}' exists; continue it with --study {new}, or choose another name")
    return replace(settings, study=new)
