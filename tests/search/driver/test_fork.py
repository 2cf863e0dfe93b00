"""A new study that begins with another's trials: which are taken over, how, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.search_space import intersection_search_space
from optuna.trial import FrozenTrial, TrialState

from objectives.data.records import Split
from search.driver.fork import Fork, fork_settings
from search.results.run_folder import RunFolder
from search.results.status import read_settings
from search.storage.database import study_storage
from search.study.stored import open_stored_study
from search.study.study import Study
from spaces.errors import StudyConflictError, UsageError
from spaces.recipe import ConvNet, Fit, Recipe, Stage
from spaces.space import Space
from spaces.suggest import Suggest
from tests.search.driver import test_loop
from tests.search.fixtures.scripted_workers import steady
from tests.search.fixtures.toy import IMAGES, toy_settings, toy_space
from tests.search.results.test_status import _study

Choose = Callable[[Suggest], Recipe]


def choosing(
    *,
    filters: int = 8,
    rate: float = 1e-1,
    outputs: tuple[str, ...] = ("softmax",),
    kernel: int = 3,
    more: bool = False,
) -> Space:
    """Return a space of three parameters, or four, whose ranges end there."""

    def choose(trial: Suggest) -> Recipe:
        stages = (Stage(filters=trial.suggest_int("filters", 1, filters), convolutions=1),)
        recipe = Recipe(
            network=ConvNet(stages=stages, kernel=kernel),
            fit=Fit(learning_rate=trial.suggest_float("learning_rate", 1e-3, rate, log=True)),
            output=trial.suggest_categorical("output", outputs),
        )
        return replace(recipe, pixels=trial.suggest_categorical("pixels", ["unit", "raw"])) if more else recipe

    return replace(toy_space(choose=choose), digest=f"sha256:{filters}{rate}{outputs}{kernel}{more}")


def search(runs: Path, space: Space, *, study: str = "toy", trials: int = 3) -> list[FrozenTrial]:
    """Search with workers that play, in a study that was begun; returns what its database holds at the end."""
    settings = replace(toy_settings(runs=str(runs), trials=trials), study=study)
    folder = RunFolder(path=runs / study)
    with study_storage(f"sqlite:///{folder.database}") as storage:
        stored = open_stored_study(storage, settings)
        wrapped = Study(
            stored.study, space=space, parameters=(), settings=settings, images=IMAGES, classes=2, stored=stored
        )
        test_loop.Stage(runs, lambda task: steady(0.5), settings=settings, study=wrapped).search.run()
        return optuna.load_study(study_name=study, storage=storage).trials


@pytest.fixture
def source(tmp_path: Path) -> RunFolder:
    """A study of three trials that have ended."""
    folder = _study(tmp_path)
    begun = read_settings(folder)
    three = replace(begun.data, classes=("0", "1", "2"), class_counts=(5, 5, 5))  # as the workers have
    rows = np.arange(10, dtype=np.int32)
    folder.write_run(replace(begun, data=three), Split(train=rows[:8], validation=rows[8:], seed=0))
    search(tmp_path, choosing())
    return folder


def fork(source: RunFolder, space: Space) -> RunFolder:
    """Begin a study with the trials of another; returns its folder."""
    to = RunFolder.at(source.path.parent, "new")
    old = read_settings(source)
    record = replace(old, study="new", space_digest=space.digest)
    settings = fork_settings(toy_settings(runs=str(source.path.parent)), "new")
    Fork.of(source).make(record, settings, space=space, to=to, url=f"sqlite:///{to.database}")
    return to


def trials_of(folder: RunFolder) -> list[FrozenTrial]:
    """Return what a study's database holds."""
    with study_storage(f"sqlite:///{folder.database}") as storage:
        return optuna.load_study(study_name=folder.path.name, storage=storage).trials


def files_of(folder: RunFolder) -> dict[str, bytes]:
    """Return the files of a study's trials."""
    files = (folder.path / "trials").rglob("*")
    return {str(file.relative_to(folder.path)): file.read_bytes() for file in files if file.is_file()}


def test_trials_go_into_the_new_study_as_they_are(source: RunFolder) -> None:
    new = fork(source, choosing(filters=16))
    shown = [
        (one.number, one.state, one.params, one.value, one.intermediate_values, one.user_attrs)
        for one in trials_of(new)
    ]
    assert shown == [
        (one.number, one.state, one.params, one.value, one.intermediate_values, one.user_attrs)
        for one in trials_of(source)
    ]
    assert (len(shown), files_of(new)) == (3, files_of(source))


def test_their_ranges_are_the_new_ones_so_that_a_sampler_takes_all_trials_together(source: RunFolder) -> None:
    wide = choosing(filters=16, rate=1.0, outputs=("softmax", "sigmoid"))
    new = fork(source, wide)
    trials = search(source.path.parent, wide, study="new", trials=5)
    assert len(trials) == 5
    assert intersection_search_space(trials) == {
        "filters": IntDistribution(1, 16),
        "learning_rate": FloatDistribution(1e-3, 1.0, log=True),
        "output": CategoricalDistribution(("softmax", "sigmoid")),
    }
    assert len(files_of(new)) > len(files_of(source))


def test_the_study_that_was_forked_stays_as_it_is(source: RunFolder) -> None:
    before = files_of(source), [(one.params, one.distributions) for one in trials_of(source)]
    fork(source, choosing(filters=16))
    assert (files_of(source), [(one.params, one.distributions) for one in trials_of(source)]) == before
    assert not (source.path / "driver.json").exists()


@pytest.mark.parametrize(
    ("space", "said"),
    [
        (choosing(filters=1), r"  trial \d: invalid filters \d: expected 1 to 1"),
        (choosing(outputs=("sigmoid",)), "  trial 0: invalid output 'softmax': expected sigmoid"),
        (choosing(kernel=5), "  trial 0: the space makes another recipe of the same choices now"),
        (choosing(more=True), "  trial 0: 'pixels' is missing: expected unit, raw"),
        (replace(choosing(), repeats=2), "space 'toy' is a designed experiment"),
    ],
    ids=["a narrower range", "a choice less", "another meaning", "a parameter more", "a design"],
)
def test_a_space_that_does_not_keep_the_trials_is_refused_and_names_them(
    source: RunFolder, space: Space, said: str
) -> None:
    with pytest.raises(StudyConflictError, match=said):
        fork(source, space)
    new = RunFolder(path=source.path.parent / "new")
    assert (files_of(new), new.database.exists()) == ({}, False)


def test_what_else_differs_is_refused(source: RunFolder) -> None:
    old = read_settings(source)
    data = replace(old.data, fingerprint="sha256:1")
    record = replace(old, settings={**old.settings, "space": "wider.py", "metric": "macro_f1"}, data=data)
    to = RunFolder.at(source.path.parent, "new")
    table = "  metric: val_accuracy then, macro_f1 now\n  images: sha256:0 then, sha256:1 now\nChoose another"
    with pytest.raises(StudyConflictError, match=table):
        Fork.of(source).make(record, toy_settings(), space=choosing(filters=16), to=to, url=f"sqlite:///{to.database}")


def test_an_interrupted_fork_is_made_again_once(source: RunFolder) -> None:
    fork(source, choosing(filters=16))  # and killed before the new study's settings are written
    assert len(trials_of(fork(source, choosing(filters=16)))) == 3


def test_a_trial_under_way_goes_on_in_both(source: RunFolder) -> None:
    with study_storage(f"sqlite:///{source.database}") as storage, closing(storage.engine.connect()):
        stored = open_stored_study(storage, toy_settings())
        trial = stored.study.ask()
        choosing().suggest(trial)  # type: ignore[arg-type]
        stored.save()
    checkpoint = source.trial(3) / "checkpoint" / "0001.npz"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(b"weights")
    new = fork(source, choosing(filters=16))
    assert [one[3].state for one in (trials_of(source), trials_of(new))] == [TrialState.RUNNING] * 2
    assert (new.trial(3) / "checkpoint" / "0001.npz").read_bytes() == b"weights"


def test_notes_stay_with_their_trials(source: RunFolder) -> None:
    def notes(folder: RunFolder) -> list[str]:
        with study_storage(f"sqlite:///{folder.database}") as storage:
            study = optuna.load_study(study_name=folder.path.name, storage=storage)
            attributes = storage.get_study_system_attrs(study._study_id)
            return [attributes[f"dashboard:{one._trial_id}:note_str:0"] for one in study.trials]

    assert notes(fork(source, choosing(filters=16))) == notes(source)


def test_a_fork_has_a_name_of_its_own(source: RunFolder) -> None:
    settings = toy_settings(runs=str(source.path.parent))
    with pytest.raises(UsageError, match="invalid --fork 'toy': expected the name of a new study"):
        fork_settings(settings, "toy")
    with pytest.raises(StudyConflictError, match="study 'toy' exists"):
        fork_settings(replace(settings, study="other"), "toy")


def test_the_command_that_makes_it_again_is_kept(source: RunFolder) -> None:
    settings = fork_settings(toy_settings(), "new")
    assert " --study toy " in Fork.of(source).command(settings)
    assert Fork.of(source).command(settings).endswith(" --fork new")
