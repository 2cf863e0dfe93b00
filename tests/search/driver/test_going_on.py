"""An interrupted trial goes on at its epoch: the loop and its checkpoints, with scripted workers."""

from __future__ import annotations

import csv
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest

from objectives.files.checkpoints import save
from objectives.messages import Decision, TrainingFailure, TrainingTask
from search.results.run_folder import RunFolder
from tests.search.driver.test_loop import Stage
from tests.search.fixtures.scripted_workers import Play, checkpoint_of, lost, steady
from tests.search.fixtures.toy import RECIPE, toy_settings

LONG = 1000.0
"""Seconds of an epoch that is always worth a checkpoint."""
EPOCHS = 5
STEADY = replace(steady(0.5), epoch_seconds=LONG)
SETTINGS = toy_settings(trials=1, epochs=EPOCHS)


def dying(*deaths: int) -> Callable[[TrainingTask], Play]:
    """Return trainings whose worker dies after so many epochs, attempt by attempt, and lives in the end."""

    def play(task: TrainingTask) -> Play:
        if task.attempt > len(deaths):
            return STEADY
        return replace(lost(*[0.5] * deaths[task.attempt - 1]), epoch_seconds=LONG)

    return play


def begun_at(stage: Stage) -> list[int]:
    """Return the first epoch that each task was to train."""
    return [task.checkpoint.epoch + 1 if task.checkpoint else 1 for task in stage.workers.tasks]


def epochs_in_history(folder: RunFolder, trial: int = 0) -> list[int]:
    """Return the epochs of a finished trial's history."""
    with (folder.trial(trial) / "history.csv").open() as file:
        return [int(row["epoch"]) for row in csv.DictReader(file)]


def checkpoints_of(folder: RunFolder, trial: int = 0) -> list[Path]:
    """Return the files of a trial's checkpoints, the oldest first."""
    return sorted(folder.trial(trial).glob("checkpoint/*.npz"))


def killed(tmp_path: Path, storage: optuna.storages.BaseStorage, *, after: int) -> Stage:
    """Return a run whose driver was killed when the checkpoint of that epoch had been written."""
    stage = Stage(tmp_path, lambda task: STEADY, settings=SETTINGS, storage=storage, interrupt_at=2 * after + 2)
    with pytest.raises(KeyboardInterrupt):
        stage.search.run()
    return stage


@pytest.fixture
def storage() -> optuna.storages.BaseStorage:
    return optuna.storages.InMemoryStorage()


def test_each_epoch_but_the_last_leaves_a_checkpoint(tmp_path: Path) -> None:
    stage = Stage(tmp_path, lambda task: STEADY, settings=SETTINGS)
    stage.search.run()
    assert stage.workers.checkpoints == [(0, 1), (0, 2), (0, 3), (0, 4)]


def test_short_epochs_are_not_worth_one_each(tmp_path: Path) -> None:
    stage = Stage(tmp_path, lambda task: Play(scores=(0.5,) * EPOCHS, epoch_seconds=1e-6), settings=SETTINGS)
    stage.search.run()
    assert stage.workers.checkpoints == [(0, 1)]  # what one costs is known from then on


def test_the_last_two_are_kept(tmp_path: Path, storage: optuna.storages.BaseStorage) -> None:
    stage = killed(tmp_path, storage, after=4)
    assert [path.name for path in checkpoints_of(stage.folder)] == ["0003.npz", "0004.npz"]


def test_a_trial_that_ended_leaves_none(tmp_path: Path) -> None:
    stage = Stage(tmp_path, lambda task: STEADY, settings=SETTINGS)
    stage.search.run()
    assert not (stage.folder.trial(0) / "checkpoint").exists()


def test_a_lost_worker_s_trial_goes_on_at_its_epoch(tmp_path: Path) -> None:
    stage = Stage(tmp_path, dying(3, 4), settings=SETTINGS)
    stage.search.run()
    assert (begun_at(stage), stage.states) == ([1, 4, 5], ["COMPLETE"])


def test_a_retry_says_where_it_goes_on(tmp_path: Path) -> None:
    stage = Stage(tmp_path, dying(3), settings=SETTINGS)
    stage.search.run()
    assert stage.progress.notes == ["trial 0: worker died (killed) - retrying from epoch 3 (attempt 2/3)"]


def test_a_worker_lost_in_its_first_epoch_begins_anew(tmp_path: Path) -> None:
    stage = Stage(tmp_path, dying(0), settings=SETTINGS)
    stage.search.run()
    assert stage.progress.notes == ["trial 0: worker died (killed) - retrying from the start (attempt 2/3)"]


@pytest.mark.parametrize(
    ("deaths", "state"),
    [
        ((1, 2, 3, 4), "COMPLETE"),  # each attempt got further: a long training on machines that come and go
        ((2, 2, 2), "FAIL"),
        ((3, 1, 1), "FAIL"),
        ((1, 1, 2, 1, 1), "FAIL"),
        ((1, 1, 2, 2), "COMPLETE"),
    ],
)
def test_attempts_count_afresh_once_one_got_further(tmp_path: Path, deaths: tuple[int, ...], state: str) -> None:
    stage = Stage(tmp_path, dying(*deaths), settings=SETTINGS)
    stage.search.run()
    assert stage.states == [state]


def test_a_training_that_gets_no_further_is_given_up_with_its_cause(tmp_path: Path) -> None:
    stage = Stage(tmp_path, dying(2, 3, 3, 3), settings=SETTINGS)
    stage.search.run()
    record = stage.folder.read_trial(0)
    assert record is not None
    said = "worker died (killed) - abandoned after 3 attempts without another epoch; see trials/0000"
    assert (record.state, record.cause, record.message, record.attempt) == ("FAIL", "worker_lost", said, 4)


def test_one_that_ran_out_of_memory_with_no_other_beside_it_is_just_tried_again(tmp_path: Path) -> None:
    failure = TrainingFailure(cause="host_oom", message="worker's machine ran out of memory at epoch 2/5")

    def play(task: TrainingTask) -> Play:
        return Play(scores=(0.5,), failure=failure) if task.attempt == 1 else steady(0.5)

    stage = Stage(tmp_path, play, settings=SETTINGS)
    stage.search.run()
    said = f"trial 0: {failure.message} (batch_size=32) - retrying from epoch 1 (attempt 2/2)"
    assert (stage.states, stage.progress.notes) == (["COMPLETE"], [said])


def test_one_that_ran_out_of_memory_is_tried_again_with_no_other_beside_it(tmp_path: Path) -> None:
    failure = TrainingFailure(cause="host_oom", message="worker's machine ran out of memory at epoch 2/5")
    beside: list[int] = []

    def play(task: TrainingTask) -> Play:
        if task.attempt == 2:
            beside.append(stage.workers.running)
        return Play(scores=(0.5,), failure=failure) if task.trial == 1 and task.attempt == 1 else steady(0.5)

    stage = Stage(tmp_path, play, settings=toy_settings(trials=6, epochs=EPOCHS), count=3)
    stage.search.run()
    order = [task.trial for task in stage.workers.tasks]
    assert (beside, sorted(stage.states), order) == ([0], ["COMPLETE"] * 6, [0, 1, 2, 1, 3, 4, 5])
    said = f"trial 1: {failure.message} (batch_size=32) - retrying exclusively from epoch 1 (attempt 2/2)"
    assert stage.progress.notes == [said]


def test_the_history_of_a_trial_that_was_interrupted_is_whole(tmp_path: Path) -> None:
    stage = Stage(tmp_path, dying(3, 4), settings=SETTINGS)
    stage.search.run()
    assert epochs_in_history(stage.folder) == [1, 2, 3, 4, 5]


def test_a_killed_driver_s_trial_goes_on_at_its_epoch(tmp_path: Path, storage: optuna.storages.BaseStorage) -> None:
    killed(tmp_path, storage, after=3)
    second = Stage(tmp_path, lambda task: STEADY, settings=SETTINGS, storage=storage)
    second.search.run()
    assert (begun_at(second), epochs_in_history(second.folder)) == ([4], [1, 2, 3, 4, 5])


def test_resuming_says_what_is_done_and_to_do(tmp_path: Path, storage: optuna.storages.BaseStorage) -> None:
    settings = toy_settings(trials=9, epochs=EPOCHS)
    first = Stage(tmp_path, lambda task: STEADY, settings=settings, storage=storage, count=2, interrupt_at=27)
    with pytest.raises(KeyboardInterrupt):
        first.search.run()
    second = Stage(tmp_path, lambda task: STEADY, settings=settings, storage=storage, count=2)
    second.search.run()
    assert second.progress.notes == [
        "resuming 'toy': 2 done, 2 interrupted (trials 2, 3 continue at epochs 2, 1), 5 to go"
    ]


def test_resuming_a_single_trial_says_so(tmp_path: Path, storage: optuna.storages.BaseStorage) -> None:
    killed(tmp_path, storage, after=3)
    second = Stage(tmp_path, lambda task: STEADY, settings=SETTINGS, storage=storage)
    second.search.run()
    assert second.progress.notes == ["resuming 'toy': 0 done, 1 interrupted (trial 0 continues at epoch 4), 0 to go"]


def test_a_stop_in_order_loses_no_epoch_however_short(tmp_path: Path, storage: optuna.storages.BaseStorage) -> None:
    def play(task: TrainingTask) -> Play:
        os.kill(os.getpid(), signal.SIGINT)
        return Play(scores=(0.5,) * EPOCHS, epoch_seconds=1e-6)

    first = Stage(tmp_path, play, settings=SETTINGS, storage=storage)
    with first.stop, first.stop.in_order():
        first.search.run()
    second = Stage(tmp_path, lambda task: STEADY, settings=SETTINGS, storage=storage)
    second.search.run()
    assert (first.workers.decisions, begun_at(second)) == ([(0, 1, Decision.PAUSE)], [2])


@pytest.mark.parametrize(("damaged", "goes_on_at"), [(1, 3), (2, 1)])
def test_a_damaged_checkpoint_costs_an_epoch(
    tmp_path: Path, storage: optuna.storages.BaseStorage, damaged: int, goes_on_at: int
) -> None:
    files = checkpoints_of(killed(tmp_path, storage, after=3).folder)
    for file in files[-damaged:]:
        file.write_bytes(file.read_bytes()[:-1])
    second = Stage(tmp_path, lambda task: STEADY, settings=SETTINGS, storage=storage)
    second.search.run()
    assert begun_at(second) == [goes_on_at]
    assert second.progress.notes[0] == "trial 0: the checkpoint of epoch 3 is damaged and was removed"


def test_a_checkpoint_without_its_digest_is_not_used(tmp_path: Path, storage: optuna.storages.BaseStorage) -> None:
    """As when the driver is killed between the two files."""
    folder = killed(tmp_path, storage, after=3).folder
    (folder.trial(0) / "checkpoint" / "0003.npz.sha256").unlink()
    second = Stage(tmp_path, lambda task: STEADY, settings=SETTINGS, storage=storage)
    second.search.run()
    assert begun_at(second) == [3]


def test_a_checkpoint_of_another_study_is_not_used(tmp_path: Path, storage: optuna.storages.BaseStorage) -> None:
    folder = killed(tmp_path, storage, after=3).folder
    other = TrainingTask(trial=0, recipe=RECIPE, seed=99)
    save(checkpoint_of(other, STEADY, epoch=4), folder.trial(0) / "checkpoint" / "0004.npz")
    second = Stage(tmp_path, lambda task: STEADY, settings=SETTINGS, storage=storage)
    second.search.run()
    assert begun_at(second) == [1]


def test_a_checkpoint_that_does_not_fit_means_the_first_epoch(
    tmp_path: Path, storage: optuna.storages.BaseStorage
) -> None:
    killed(tmp_path, storage, after=3)
    second = Stage(tmp_path, lambda task: replace(STEADY, fits=False), settings=SETTINGS, storage=storage)
    second.search.run()
    assert second.progress.notes[1:] == ["trial 0: checkpoint is incompatible; restarting the trial"]
    assert epochs_in_history(second.folder) == [1, 2, 3, 4, 5]


def test_checkpoints_that_can_t_be_written_are_said_once_and_missed_by_nobody(tmp_path: Path) -> None:
    stage = Stage(tmp_path, lambda task: STEADY, settings=toy_settings(trials=2, epochs=EPOCHS))
    for trial in (0, 1):
        stage.folder.trial(trial).mkdir()
        (stage.folder.trial(trial) / "checkpoint").touch()
    stage.search.run()
    assert stage.states == ["COMPLETE", "COMPLETE"]
    assert stage.progress.notes == ["cannot write checkpoints (File exists); the search continues without them"]


def test_a_trial_whose_result_was_written_needs_no_checkpoint_any_more(
    tmp_path: Path, storage: optuna.storages.BaseStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = RunFolder.write_trial

    def write_and_die(*args: Any, **named: Any) -> None:
        write(*args, **named)
        raise KeyboardInterrupt

    monkeypatch.setattr(RunFolder, "write_trial", write_and_die)
    with pytest.raises(KeyboardInterrupt):
        Stage(tmp_path, lambda task: STEADY, settings=SETTINGS, storage=storage).search.run()
    second = Stage(tmp_path, lambda task: STEADY, settings=SETTINGS, storage=storage)
    second.search.run()
    assert (second.workers.tasks, (second.folder.trial(0) / "checkpoint").exists()) == ([], False)
