"""Recipes are trained again after the search, with scripted workers: no Ray, no Keras."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

from objectives.messages import TrainingTask
from reports.stored.records import TrialRecord
from search.results.run_folder import RunFolder
from search.trainings.limits import TrialBudget, TrialTimer
from search.trainings.parts import SearchParts
from search.winner.again import Job, train_again
from tests.search.fixtures.parts import search_parts
from tests.search.fixtures.scripted_workers import Play, ScriptedWorkers, diverged, lost, steady
from tests.search.fixtures.toy import RECIPE, ListeningProgress, toy_settings, toy_study

EPOCHS = 3
TRIAL = TrialRecord(
    schema=1,
    trial=4,
    state="COMPLETE",
    score=0.5,
    best_epoch=1,
    epochs=EPOCHS,
    params={"filters": 2},
    baseline=None,
    parameters=10,
    seconds_building=0.1,
    seconds_training=1.5,
    seed=0,
    attempt=1,
    worker="0",
    started="2026-11-28T00:00:00+00:00",
    ended="2026-11-28T00:00:01+00:00",
)


def job(seed: int, *, epochs: int = EPOCHS, keeps_model: bool = False) -> Job:
    return Job(
        trial=TRIAL,
        recipe=RECIPE,
        seed=seed,
        epochs=epochs,
        place=f"trials/0004/confirm/{seed}",
        title=f"trial 4 with seed {seed}",
        keeps_model=keeps_model,
    )


def parts_of(
    tmp_path: Path,
    play: Callable[[TrainingTask], Play],
    *,
    count: int = 1,
    budget: TrialBudget | None = None,
    timer: TrialTimer | None = None,
) -> SearchParts:
    settings = toy_settings(epochs=EPOCHS)
    workers = ScriptedWorkers(play, count=count)
    workers.next_event(0.0)  # ready
    return search_parts(
        settings=settings,
        study=toy_study(settings),
        workers=workers,
        folder=RunFolder.at(tmp_path, "toy"),
        progress=ListeningProgress(),
        budget=budget,
        timer=timer,
    )


def tasks(parts: SearchParts) -> list[TrainingTask]:
    assert isinstance(parts.workers, ScriptedWorkers)
    return parts.workers.tasks


def notes(parts: SearchParts) -> list[str]:
    assert isinstance(parts.progress, ListeningProgress)
    return parts.progress.notes


def test_each_job_is_trained_with_its_own_seed_and_recorded_in_its_own_folder(tmp_path: Path) -> None:
    parts = parts_of(tmp_path, lambda task: steady(task.seed / 10))
    records = train_again([job(7), job(8)], parts)
    assert [record and (record.trial, record.seed, record.score, record.state) for record in records] == [
        (4, 7, 0.7, "COMPLETE"),
        (4, 8, 0.8, "COMPLETE"),
    ]
    assert sorted(path.name for path in (parts.folder.path / job(7).place).iterdir()) == [
        "history.csv", "predictions.npz", "recipe.json", "result.json",
    ]  # fmt: skip


def test_what_is_trained_is_not_trained_again(tmp_path: Path) -> None:
    train_again([job(7)], parts_of(tmp_path, lambda task: steady(0.5)))
    second = parts_of(tmp_path, lambda task: steady(0.9))
    records = train_again([job(7), job(8)], second)
    assert [record and record.score for record in records] == [0.5, 0.9]
    assert [task.seed for task in tasks(second)] == [8]


def test_a_job_may_have_other_epochs_and_keep_its_model(tmp_path: Path) -> None:
    parts = parts_of(tmp_path, lambda task: steady(0.5))
    (record,) = train_again([job(7, epochs=5, keeps_model=True)], parts)
    assert record is not None
    assert record.epochs == tasks(parts)[0].epochs == 5
    assert (parts.folder.path / job(7).place / "model.keras").is_file()


def test_a_lost_worker_costs_one_attempt(tmp_path: Path) -> None:
    parts = parts_of(tmp_path, lambda task: lost(0.3) if task.attempt == 1 else steady(0.5))
    (record,) = train_again([job(7)], parts)
    assert record is not None
    assert (record.state, record.attempt) == ("COMPLETE", 2)
    assert notes(parts)[0].startswith("trial 4 with seed 7: worker died (killed) - retrying from")


def test_a_training_that_diverges_is_recorded_and_not_tried_again(tmp_path: Path) -> None:
    (record,) = train_again([job(7)], parts_of(tmp_path, lambda task: diverged(0.3)))
    assert record is not None
    assert (record.state, record.cause) == ("PRUNED", "diverged")
    second = parts_of(tmp_path, lambda task: steady(0.5))
    assert train_again([job(7)], second) == [record]
    assert tasks(second) == []


def test_ctrl_c_pauses_after_the_epoch_and_the_next_run_continues_there(tmp_path: Path) -> None:
    def play(task: TrainingTask) -> Play:
        os.kill(os.getpid(), signal.SIGINT)
        return steady(0.5)

    parts = parts_of(tmp_path, play)
    with parts.stop:
        assert train_again([job(7), job(8)], parts) == [None, None]
    assert parts.stop.is_requested
    second = parts_of(tmp_path, lambda task: steady(0.5))
    records = train_again([job(7), job(8)], second)
    assert [record and record.state for record in records] == ["COMPLETE"] * 2
    assert [task.checkpoint and task.checkpoint.epoch for task in tasks(second)] == [1, None]


def test_no_training_begins_when_time_is_up(tmp_path: Path) -> None:
    over = TrialBudget(trials=1, timeout_seconds=1.0, spent_seconds=2.0)
    parts = parts_of(tmp_path, lambda task: steady(0.5), budget=over)
    assert train_again([job(7)], parts) == [None]
    assert tasks(parts) == []


def test_the_time_limit_of_a_trial_does_not_apply(tmp_path: Path) -> None:
    timer = TrialTimer(limit_seconds=0.0)
    (record,) = train_again([job(7)], parts_of(tmp_path, lambda task: steady(0.5), timer=timer))
    assert record is not None
    assert record.state == "COMPLETE"
