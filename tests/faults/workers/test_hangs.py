"""Rows 20 and 30 of the fault table: a training that hangs, and a driver that only seems to.

Given a training that sleeps, spins or is stopped by the system; nothing comes for longer than the limit; the
person reads for how long and where it goes on, `traceback.txt` shows where it hung, and the worker is replaced.
Given a driver that is stopped for longer than the limit, or a clock that is set; no training is blamed for it.
"""

from __future__ import annotations

import ast
import itertools
import math
import signal
import time
from pathlib import Path

import optuna
import pytest

from objectives.messages import EpochReport, TrainingFailure
from search.driver.active_trial import ActiveTrial, active_trial
from search.workers.stalls import StallDetector
from spaces.backbones import Backbone
from spaces.recipe import MLP, Fit, Network, Recipe
from spaces.transfer import Transfer
from tests.faults.driver.test_kills import kept
from tests.faults.driver.test_stops import begin, wait
from tests.search.driver.test_loop import Stage
from tests.search.fixtures.scripted_workers import silent, steady
from tests.search.fixtures.toy import toy_settings

HOUSE = Path(__file__).parents[3]
FROZEN = Transfer(backbone=Backbone(name="VGG16", weights="none"))
EPOCH = EpochReport(epoch=1, score=0.5, metrics={}, seconds=1.0)
HUNG = TrainingFailure(cause="hung", message="worker reported nothing for 10 min at epoch 1/2")


def impatient() -> StallDetector:
    """Return one whose seconds pass whenever it looks."""
    seconds = itertools.count()
    return StallDetector(stall_seconds=60, clock=lambda: float(next(seconds)))


def test_a_hung_training_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.trainings.checkpoints._largest_fraction", math.inf)  # however slow the disk is
    stage = Stage(
        tmp_path,
        lambda task: silent(0.5) if task.attempt == 1 and task.trial == 1 else steady(0.5),
        settings=toy_settings(trials=3, epochs=3),
        stalls=impatient(),
    )
    stage.search.run()
    assert (stage.states, stage.workers.given_up) == (["COMPLETE"] * 3, [(1, 1)])
    said = "trial 1: worker reported nothing for 1 min at epoch 2/3 (--trial-stall limits this)"
    assert stage.progress.notes == [f"{said} - retrying from epoch 1 (attempt 2/3)"]


def test_one_that_hangs_each_time_fails_with_its_cause_and_the_search_goes_on(tmp_path: Path) -> None:
    stage = Stage(
        tmp_path,
        lambda task: silent() if task.trial == 1 else steady(0.5),
        settings=toy_settings(trials=3, epochs=3),
        stalls=impatient(),
    )
    stage.search.run()
    ended = [(record.trial, record.state, record.cause, record.attempt) for record in stage.progress.ended_trials]
    assert ended == [(0, "COMPLETE", None, 1), (1, "FAIL", "hung", 3), (2, "COMPLETE", None, 1)]


def test_features_of_a_frozen_part_may_take_longer_than_any_epoch() -> None:
    def running(network: Network, *reports: EpochReport) -> ActiveTrial:
        recipe = Recipe(network=network, fit=Fit(learning_rate=0.1), pixels="raw")
        trial = active_trial(optuna.create_study().ask(), recipe=recipe, seed=0, epochs=2)
        trial.reports.extend(reports)
        return trial

    cases = [running(FROZEN), running(FROZEN, EPOCH), running(MLP(units=()))]
    assert [case.may_be_silent for case in cases] == [True, False, False]


@pytest.mark.slow
def test_a_driver_that_was_stopped_does_not_blame_its_training(tmp_path: Path) -> None:
    own = tmp_path / "s" / "trials" / "0000"
    searching = begin(tmp_path, "ray", "--trial-stall", "8s")
    wait(searching, lambda: kept(own))
    (tmp_path / "slow").touch()
    time.sleep(1)
    searching.send_signal(signal.SIGSTOP)
    time.sleep(10)
    (tmp_path / "slow").unlink()
    searching.send_signal(signal.SIGCONT)
    before = kept(own)[-1]
    wait(searching, lambda: kept(own)[-1:] > [before])
    searching.send_signal(signal.SIGTERM)
    _, said = searching.communicate(timeout=60)
    assert (searching.returncode, "reported nothing" in said) == (143, False)
    assert not (own / "traceback.txt").exists()


TELL_THE_DAY = {"search/lease/folder_lock.py", "search/progress/log.py", "search/system/environment.py"}
"""Who writes for people when something was: nothing is counted from it."""


def test_no_duration_is_read_from_a_clock_that_can_be_set() -> None:
    clocks = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
    modules = [path for room in ("spaces", "objectives", "reports", "search") for path in HOUSE.glob(f"{room}/**/*.py")]
    reading = {
        str(path.relative_to(HOUSE))
        for path in modules
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Attribute) and ast.unparse(node) in clocks)
        or (isinstance(node, ast.ImportFrom) and node.module == "time")
    }
    assert reading == TELL_THE_DAY
