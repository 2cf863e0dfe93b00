"""When the loop saves the study: what a killed driver leaves behind is enough to go on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import RDBStorage

import search.driver.loop
from search.settings import RunSettings
from search.storage.database import study_storage
from search.study.stored import open_stored_study
from search.study.study import Study
from search.workers.protocol import Event
from spaces.errors import StudyConflictError
from spaces.parameters import find_parameters
from spaces.space import Space
from tests.search.driver.test_going_on import EPOCHS, STEADY
from tests.search.driver.test_loop import Stage
from tests.search.fixtures.scripted_workers import ScriptedWorkers, steady
from tests.search.fixtures.toy import IMAGES, RECIPE, toy_settings, toy_space

RARELY = 1e6
"""Seconds between saves that never come twice in a test."""


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[RDBStorage]:
    """An empty database."""
    with study_storage(f"sqlite:///{tmp_path / 'study.db'}") as opened:
        yield opened


def study_in(storage: RDBStorage, settings: RunSettings, space: Space | None = None) -> Study:
    """Return the toy study that a database holds."""
    space = space or toy_space()
    stored = open_stored_study(storage, settings)
    parameters = find_parameters(space, images=IMAGES, classes=3)
    return Study(
        stored.study,
        space=space,
        parameters=parameters,
        settings=settings,
        images=IMAGES,
        classes=3,
        stored=stored,
    )


def trials_in(storage: RDBStorage) -> list[optuna.trial.FrozenTrial]:
    """Return the trials as the database has them."""
    return optuna.load_study(study_name="toy", storage=storage).get_trials()


def test_all_that_happened_is_saved_before_the_driver_waits(
    tmp_path: Path, storage: RDBStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search.driver.loop, "SAVE_SECONDS", 0.0)
    settings = toy_settings(trials=2)
    stage = Stage(tmp_path, lambda task: steady(0.5), settings=settings, study=study_in(storage, settings))
    seen: list[tuple[int, int]] = []
    give = ScriptedWorkers.next_event

    def look(workers: ScriptedWorkers, timeout_seconds: float) -> Event | None:
        trials = trials_in(storage)
        seen.append((len(trials), sum(len(trial.intermediate_values) for trial in trials)))
        return give(workers, timeout_seconds)

    monkeypatch.setattr(ScriptedWorkers, "next_event", look)
    stage.search.run()
    steps = [(0, 0), (1, 0), (1, 1), (1, 2), (1, 3), (2, 3), (2, 4), (2, 5), (2, 6)]
    assert list(dict.fromkeys(seen)) == steps


def test_events_that_come_fast_are_saved_together(
    tmp_path: Path, storage: RDBStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search.driver.loop, "SAVE_SECONDS", RARELY)
    settings = toy_settings(trials=4)
    study = study_in(storage, settings)
    saves: list[None] = []
    save = study.save
    monkeypatch.setattr(study, "save", lambda: (saves.append(None), save()))
    Stage(tmp_path, lambda task: steady(0.5), settings=settings, study=study).search.run()
    # at the beginning, at the end, and once a trial, before its result is written
    assert (len(saves), [trial.state.name for trial in trials_in(storage)]) == (2 + 4, ["COMPLETE"] * 4)


def test_a_trial_is_in_the_database_before_its_result_is_on_disk(
    tmp_path: Path, storage: RDBStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search.driver.loop, "SAVE_SECONDS", RARELY)
    settings = toy_settings(trials=3)
    stage = Stage(tmp_path, lambda task: steady(0.5), settings=settings, study=study_in(storage, settings))
    known: list[bool] = []
    write = stage.folder.write_trial

    def look(record: Any, **rest: Any) -> None:
        known.append(record.trial in [trial.number for trial in trials_in(storage)])
        write(record, **rest)

    monkeypatch.setattr(type(stage.folder), "write_trial", lambda _, record, **rest: look(record, **rest))
    stage.search.run()
    assert known == [True] * 3


def test_epochs_that_were_not_saved_are_entered_with_the_checkpoint(
    tmp_path: Path, storage: RDBStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = toy_settings(trials=1, epochs=EPOCHS)
    monkeypatch.setattr(search.driver.loop, "SAVE_SECONDS", 0.0)
    study = study_in(storage, settings)
    first = Stage(tmp_path, lambda task: STEADY, settings=settings, study=study, interrupt_at=8)
    save, saves = study.save, iter([True, True])  # before the worker is ready, and when the trial is asked for
    monkeypatch.setattr(study, "save", lambda: save() if next(saves, False) else None)
    with pytest.raises(KeyboardInterrupt):
        first.search.run()
    left = [list(trial.intermediate_values) for trial in trials_in(storage)]

    second = Stage(tmp_path, lambda task: STEADY, settings=settings, study=study_in(storage, settings))
    second.search.run()
    checkpoint = second.workers.tasks[0].checkpoint
    assert checkpoint is not None
    assert (left, checkpoint.epoch) == ([[]], 3)
    assert [list(trial.intermediate_values) for trial in trials_in(storage)] == [[1, 2, 3, 4, 5]]


def test_a_study_whose_space_offers_other_choices_now_is_refused(tmp_path: Path, storage: RDBStorage) -> None:
    def space(*optimizers: str) -> Space:
        def choose(trial: Any) -> Any:
            trial.suggest_categorical("optimizer", list(optimizers))
            return RECIPE

        return toy_space(choose=choose)

    settings = toy_settings(trials=1)
    study = study_in(storage, settings, space("adam", "sgd"))
    Stage(tmp_path, lambda task: steady(0.5), settings=settings, study=study).search.run()
    said = "study 'toy' was created when its space offered adam, sgd for optimizer; now it offers adam, lion"
    with pytest.raises(StudyConflictError, match=said):
        study_in(storage, settings, space("adam", "lion"))


@pytest.mark.parametrize(
    ("directions", "there"), [(["minimize"], "minimize"), (["maximize", "minimize"], "maximize and minimize")]
)
def test_a_study_that_leads_elsewhere_is_refused(storage: RDBStorage, directions: list[str], there: str) -> None:
    optuna.create_study(study_name="toy", storage=storage, directions=directions)

    with pytest.raises(StudyConflictError, match=f"has a study 'toy' to {there}, but val_accuracy is to maximize"):
        open_stored_study(storage, toy_settings())
