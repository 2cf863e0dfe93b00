"""A preset's number of trials follows from the first trial, and is stored in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from objectives.messages import TrainingTask
from search.presets import MOST_TRIALS, trials_that_fit
from search.results.status import stored_summary
from search.settings import RunSettings
from search.trainings.limits import TrialBudget
from tests.search.driver.test_loop import Stage
from tests.search.fixtures.scripted_workers import Play, lost, steady
from tests.search.fixtures.toy import ListeningProgress, toy_settings
from tests.search.results.test_status import _study


@pytest.mark.parametrize(
    ("seconds_left", "trial_seconds", "workers", "trials"),
    [(100.0, 10.0, 1, 10), (100.0, 10.0, 3, 27), (100.0, 1000.0, 1, 1), (-5.0, 1.0, 1, 1), (1e9, 1.0, 1, MOST_TRIALS)],
)
def test_trials_like_the_first_fill_nine_tenths_of_the_time(
    seconds_left: float, trial_seconds: float, workers: int, trials: int
) -> None:
    assert trials == trials_that_fit(
        seconds_left=seconds_left, trial_seconds=trial_seconds, workers=workers, started=1, running=workers - 1
    )


PRESET = replace(toy_settings(trials=MOST_TRIALS), preset="quick", timeout_seconds=3600.0)


def _stage(tmp_path: Path, seconds: Callable[[TrainingTask], float | None], settings: RunSettings = PRESET) -> Stage:
    """Return a search of one hour whose trials take so many seconds, or are lost where that is None."""
    folder = _study(tmp_path)
    record = folder.read_run()
    assert record is not None
    command = "python -m search run --space toy --preset quick --seed 0 --trials 1000 --timeout 1h"
    data = replace(record.data, classes=("0", "1", "2"))
    folder.write_run(replace(record, settings=asdict(settings), command=command, data=data), None)

    def play(task: TrainingTask) -> Play:
        taken = seconds(task)
        return lost() if taken is None else replace(steady(0.5), epoch_seconds=taken / settings.epochs)

    progress = ListeningProgress()
    budget = TrialBudget(
        trials=settings.trials,
        timeout_seconds=3600.0,
        clock=lambda: sum(record.seconds_training for record in progress.ended_trials),
    )
    return Stage(tmp_path, play, settings=settings, budget=budget, progress=progress)


def test_the_first_trial_sets_the_number_and_the_settings_keep_it(tmp_path: Path) -> None:
    stage = _stage(tmp_path, lambda task: 540.0)
    stage.search.run()
    record = stage.folder.read_run()
    assert record is not None
    assert stage.states == ["COMPLETE"] * 5
    assert (record.settings["preset"], record.settings["trials"]) == (None, 5)
    assert record.command == "python -m search run --space toy --seed 0 --trials 5 --timeout 1h"
    assert (stage.folder.path / "split.npz").is_file()
    assert stored_summary(stage.folder).status == "done"
    assert stage.progress.infos == ["preset quick: 5 trials in all (48 min 35 s left, 9 min a trial)"]


def test_the_number_follows_the_mean_where_the_first_trial_was_a_small_one(tmp_path: Path) -> None:
    stage = _stage(tmp_path, lambda task: 60.0 if task.trial == 0 else 600.0)
    stage.search.run()
    assert len(stage.states) == 5
    assert stage.search.ended_early is None


def test_time_is_kept_for_confirming_the_winner(tmp_path: Path) -> None:
    none, some = (
        _stage(tmp_path / str(confirm), lambda task: 540.0, replace(PRESET, confirm=confirm)) for confirm in (0, 1)
    )
    none.search.run()
    some.search.run()

    assert (len(none.states), len(some.states)) == (6, 4)


def test_a_trial_that_did_not_complete_sets_nothing(tmp_path: Path) -> None:
    stage = _stage(tmp_path, lambda task: 540.0 if task.trial else None)
    stage.search.run()
    assert stage.states == ["FAIL"] + ["COMPLETE"] * 5


def test_without_a_preset_the_number_stays(tmp_path: Path) -> None:
    stage = _stage(tmp_path, lambda task: 1.0, settings=toy_settings(trials=9))
    stage.search.run()
    assert stage.states == ["COMPLETE"] * 9
