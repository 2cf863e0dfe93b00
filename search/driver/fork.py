"""A new study that begins with the trials of another, whose space has only been widened since."""

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
    differences_in_words,
    other_study,
)
from search.lease.folder_lock import Holder, lease
from search.results.run_folder import RunFolder
from search.results.status import read_settings
from search.settings import (
    RunSettings,
    command_for,
)
from search.storage.database import study_storage
from search.storage.url import resolve_storage
from search.storage.write_behind import WriteBehindStudy
from search.study.stored import open_stored_study
from spaces.errors import RecordError, SpaceError, StorageError, StudyConflictError, UsageError
from spaces.parameters import recipe_for
from spaces.recipe import ImageShape
from spaces.space import Parameters, Space
from spaces.suggest import TrialSuggest

_copied = (layout.TRIALS, "artifacts", layout.BEST)
_most_named = 3


@dataclass(frozen=True, kw_only=True)
class Fork:
    """What a new study is to begin with."""

    source: RunFolder
    """Of the study whose trials are copied; it stays as it is."""
    url: str
    """Of that study's database."""

    @classmethod
    def of(cls, source: RunFolder) -> Fork:
        """Return what a study can be begun with that was begun before.

        Raises:
            UsageError: the folder is no run, or its database is in a variable that is not set.
        """
        reference = read_settings(source).settings.get("storage")
        return cls(
            source=source,
            url=resolve_storage(reference) if isinstance(reference, str) else f"sqlite:///{source.database}",
        )

    def command(self, settings: RunSettings) -> str:
        """Return the command line that makes a new study of these settings again."""
        return f"{command_for(replace(settings, study=self.source.path.name))} --fork {settings.study}"

    def make(self, record: RunRecord, settings: RunSettings, *, space: Space, to: RunFolder, url: str) -> None:
        """Copy the trials into a new study, files first, and its database in one transaction.

        Args:
            record: of the new study; not written yet.
            settings: of the new study.
            space: the new study's.
            to: its folder, in which nothing was begun.
            url: of its database.

        Raises:
            StudyConflictError: the studies differ in more than their spaces, trials would be others in the new space,
                or the new study's database has trials already.
            StorageError: the disk or a database gave up.
        """
        old = read_settings(self.source)
        if differences := differences_in_words(record, old, but=("space",)):
            raise other_study(old.study, differences)
        holder = Holder.this()
        with lease(self.source.path, old.study, holder), self._trials(old.study) as (study, trials):
            taken_over = _in_new_space(trials, old, space=space, folder=self.source)
            try:
                for name in _copied:
                    if (self.source.path / name).is_dir():
                        shutil.copytree(self.source.path / name, to.path / name, dirs_exist_ok=True)
            except OSError as error:
                raise StorageError(f"can't copy the trials into {to.path}: {error.strerror or error}") from error
            with study_storage(url) as storage:
                _enter(study, taken_over, storage, settings)

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
    """Return trials as if they had been chosen in the new space.

    Raises:
        StudyConflictError: names those that the new space does not accept, or makes something else of.
    """
    images = ImageShape(height=old.data.height, width=old.data.width, channels=old.data.channels)
    classes = len(old.data.classes)
    if space.repeats is not None:
        raise StudyConflictError(f"space '{space.name}' is a designed experiment: begin it anew with another --study")
    taken_over, refused = [], []
    for trial in trials:
        try:
            taken_over.append(_chosen_anew(trial, space, images=images, classes=classes, folder=folder))
        except (SpaceError, RecordError) as error:
            refused.append(f"  trial {trial.number}: {str(error).partition(chr(10))[0]}")
    if refused:
        more = f"\n  and {len(refused) - _most_named} more" if len(refused) > _most_named else ""
        raise StudyConflictError(
            f"study '{old.study}' can't be forked: space '{space.name}' does not keep its trials as they are\n"
            + "\n".join(refused[:_most_named])
            + more
        )
    return taken_over


def _chosen_anew(
    trial: FrozenTrial, space: Space, *, images: ImageShape, classes: int, folder: RunFolder
) -> FrozenTrial:
    """Return a trial with the new space's ranges, which samplers compare; one that failed teaches them nothing."""
    params: Parameters = trial.params or trial.system_attrs.get("fixed_params", {})
    if trial.state is TrialState.FAIL or not params:
        return trial
    recipe = recipe_for(space, params, images=images, classes=classes)
    if trial.state.is_finished() and recipe != folder.read_recipe(trial.number):
        raise SpaceError("of the same choices the space makes another recipe now")
    if trial.state is TrialState.WAITING:
        return trial
    fixed = FixedTrial(dict(params))
    space.suggest(TrialSuggest(fixed, images=images, classes=classes))
    anew = copy.deepcopy(trial)
    anew.distributions = dict(fixed.distributions)
    return anew


def _enter(source: optuna.Study, trials: Sequence[FrozenTrial], storage: RDBStorage, settings: RunSettings) -> None:
    stored = open_stored_study(storage, settings)
    there = stored.study.get_trials(deepcopy=False)
    if [trial.params for trial in there] == [trial.params for trial in trials] and there:
        return  # an earlier attempt got so far
    if there:
        raise StudyConflictError(
            f"study '{settings.study}' has {len(there)} trials in its database already; choose another --fork"
        )
    stored.study.add_trials(trials)
    notes = source._storage.get_study_system_attrs(source._study_id)  # under ids of trials, which are the same here
    for key, value in notes.items():
        stored.study._storage.set_study_system_attr(stored.study._study_id, key, value)
    stored.save()


def fork_settings(settings: RunSettings, new: str) -> RunSettings:
    """Return the settings of a fork of their study, under its own name.

    Raises:
        UsageError: the name is the study's own, or not accepted.
        StudyConflictError: a study of that name was begun already.
    """
    if new == settings.study:
        raise UsageError(f"--fork is {new!r}, the study itself; accepted: the name of a new study")
    if (Path(settings.runs) / new / layout.SETTINGS).exists():
        raise StudyConflictError(f"study '{new}' was begun already; continue it with --study {new}, or choose another")
    return replace(settings, study=new)
