"""Row 20 of the fault table: a trial that takes too long, and a search whose time is up inside of one.

Given a trial that would never end; its time, or the search's, is up; the person reads which; the sampler is told to
look elsewhere, or the trial is left to the next run, which goes on at its epoch.
"""

from __future__ import annotations

import functools
import itertools
import math
import time
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from search.driver.run import run_search
from search.settings import RunSettings
from search.trainings.limits import TrialBudget, TrialTimer
from spaces.catalogue import find_space
from spaces.errors import NothingCompletedError
from spaces.space import Parameters
from tests.search.driver.test_driver import SMALL_SPACE
from tests.search.driver.test_loop import Stage
from tests.search.fixtures.scripted_workers import Play, silent, steady
from tests.search.fixtures.toy import ListeningProgress, toy_settings

SAID = "it takes longer than 1 min (--trial-timeout)"
SLEEPER = '''
"""A network that trains at once, or never."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from objectives.networks.registry import build
from spaces.recipe import Fit, Network, Recipe

DEFAULT_DATA = "digits"
BASELINES = {"quick": {"seconds": 0}, "endless": {"seconds": 1000000}}


@dataclass(frozen=True, kw_only=True)
class Sleeper(Network):
    seconds: int = 0


@build.register(Sleeper)
def _build(network: Sleeper, images: Any) -> Any:
    import keras

    time.sleep(network.seconds)
    return keras.layers.Flatten()(images)


def suggest(trial):
    return Recipe(network=Sleeper(seconds=trial.suggest_int("seconds", 0, 1000000)), fit=Fit(learning_rate=0.01))
'''


def a_minute() -> TrialTimer:
    """Return a limit whose seconds pass whenever it is looked at."""
    seconds = itertools.count()
    return TrialTimer(limit_seconds=60, clock=lambda: float(next(seconds)))


def test_a_trial_that_takes_too_long_is_given_up_and_told_as_pruned(tmp_path: Path) -> None:
    storage = optuna.storages.InMemoryStorage()
    stage = Stage(
        tmp_path,
        lambda task: silent(0.5) if task.trial == 1 else steady(0.5),
        settings=toy_settings(trials=3),
        storage=storage,
        timer=a_minute(),
    )
    stage.search.run()
    ended = [(record.trial, record.state, record.cause, record.message) for record in stage.progress.ended_trials]
    told = storage.get_all_trials(0)[1]
    assert ended == [(0, "COMPLETE", None, None), (1, "PRUNED", "timeout", SAID), (2, "COMPLETE", None, None)]
    assert (told.state, told.intermediate_values) == (TrialState.PRUNED, {1: 0.5})
    assert stage.workers.given_up == [(1, 1)]


def test_one_whose_next_epoch_would_end_too_late_ends_in_order_with_its_best(tmp_path: Path) -> None:
    stage = Stage(
        tmp_path,
        lambda task: Play(scores=(0.4, 0.6, 0.5, 0.7), epoch_seconds=59.0 if task.trial == 1 else 0.1),
        settings=toy_settings(trials=3, epochs=4),
        timer=a_minute(),
    )
    stage.search.run()
    record = stage.folder.read_trial(1)
    assert record is not None
    assert (record.state, record.score, record.epochs, record.cause) == ("PRUNED", 0.6, 2, "timeout")
    assert stage.workers.given_up == []


def test_a_limit_that_no_trial_keeps_ends_the_search(tmp_path: Path) -> None:
    stage = Stage(tmp_path, lambda task: silent(0.5), settings=toy_settings(trials=9), timer=a_minute())
    with pytest.raises(NothingCompletedError, match=r"it takes longer than 1 min \(--trial-timeout\)"):
        stage.search.run()
    assert stage.states == ["PRUNED"] * 3


@pytest.mark.parametrize("obeys", ["stops at a batch", "hangs"])
def test_when_the_search_s_time_is_up_a_trial_amid_an_epoch_is_left_to_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, obeys: str
) -> None:
    monkeypatch.setattr("search.trainings.checkpoints._largest_fraction", math.inf)  # epochs here take no time
    storage, seconds = optuna.storages.InMemoryStorage(), itertools.count()
    settings = toy_settings(trials=2, epochs=4)
    budget = TrialBudget(trials=2, timeout_seconds=60, clock=lambda: float(next(seconds)))
    first = Stage(tmp_path, lambda task: silent(0.4, 0.5), settings=settings, storage=storage, budget=budget)
    said = []
    if obeys == "hangs":
        monkeypatch.setattr("search.trainings.trainings.HALT_SECONDS", 0.0)
        monkeypatch.setattr(first.workers, "halt", lambda: None)
        given_up = "trial 0: interrupted in epoch 3/4 (timeout)"
        said = [f"{given_up}; the next run continues it"]
    first.search.run()
    again = Stage(tmp_path, lambda task: steady(0.6), settings=settings, storage=storage)
    again.search.run()
    assert (first.progress.notes, first.states, first.workers.given_up) == (said, [], [(0, 2)] * len(said))
    assert first.progress.phases == [f"time is up: {now} the current epochs" for now in ("finishing", "interrupting")]
    assert again.progress.notes == ["resuming 'toy': 0 done, 1 interrupted (trial 0 continues at epoch 3), 1 to go"]
    assert again.states == ["COMPLETE"] * 2


class HastyProgress(ListeningProgress):
    """Lets the search's time be up long since when a second trial has begun."""

    seconds: float = 0.0
    began: float = 0.0

    def trial_started(
        self, trial: int, params: Parameters, *, worker: int, title: str = "", epochs: int | None = None
    ) -> None:
        """Look at both clocks."""
        if trial == 1:
            self.seconds, self.began = 1000.0, time.monotonic()


@pytest.mark.slow
def test_a_search_ends_inside_of_a_trial_that_never_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sleeper.py").write_text(SLEEPER)
    settings = RunSettings(
        space=str(tmp_path / "sleeper.py"), study="s", data="digits", trials=3, epochs=1, train_images=400,
        runs=str(tmp_path), workers=1, timeout_seconds=980,
    )  # fmt: skip
    progress = HastyProgress()
    monkeypatch.setattr(
        "search.trainings.parts.TrialBudget", functools.partial(TrialBudget, clock=lambda: progress.seconds)
    )
    summary = run_search(settings, space=find_space(settings.space), progress=progress, command="run")
    assert summary.trials is not None
    assert (summary.reason, summary.trials.complete, summary.trials.running) == ("timed out", 1, 0)
    said = [note.partition(";")[0] for note in progress.notes if note.startswith("trial")]
    assert said == ["trial 1: interrupted in epoch 1/1 (timeout)"]
    assert time.monotonic() - progress.began < 30


class TwoLimits(ListeningProgress):
    """Lets time pass for the second trial whenever its clock is looked at, and the search's be up in the third."""

    search_seconds: float = 0.0
    trial_seconds: float = 0.0
    step_seconds: float = 0.0

    def trial_started(
        self, trial: int, params: Parameters, *, worker: int, title: str = "", epochs: int | None = None
    ) -> None:
        """Set both clocks going."""
        self.step_seconds = 5.0 if trial == 1 else 0.0
        self.search_seconds = 1000.0 if trial == 2 else 0.0

    def look(self) -> float:
        """Return the time of the trials' clock."""
        self.trial_seconds += self.step_seconds
        return self.trial_seconds


@pytest.mark.slow
def test_both_limits_stop_a_search_in_one_process_at_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "small.py").write_text(SMALL_SPACE)
    settings = RunSettings(
        space=str(tmp_path / "small.py"), study="s", data="digits", trials=3, epochs=1, train_images=400,
        runs=str(tmp_path), executor="inline", timeout_seconds=980, trial_timeout_seconds=8,
    )  # fmt: skip
    progress = TwoLimits()
    monkeypatch.setattr(
        "search.trainings.parts.TrialBudget", functools.partial(TrialBudget, clock=lambda: progress.search_seconds)
    )
    monkeypatch.setattr("search.trainings.parts.TrialTimer", functools.partial(TrialTimer, clock=progress.look))
    summary = run_search(settings, space=find_space(settings.space), progress=progress, command="run")
    assert summary.trials is not None
    assert (summary.reason, summary.trials.complete, summary.trials.running) == ("timed out", 1, 0)
    late = progress.ended_trials[1]
    said = "it takes longer than 8 s (--trial-timeout)"
    assert (late.trial, late.state, late.cause, late.epochs, late.message) == (1, "PRUNED", "timeout", 0, said)
    device, kept = progress.infos
    assert (progress.notes, device.partition(" on ")[0]) == ([], "trains")
    assert kept.endswith("of --timeout are kept for confirming and measuring the winner, as estimated")
