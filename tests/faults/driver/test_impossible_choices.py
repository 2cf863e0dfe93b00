"""Row 27 of the fault table: a space of which some choices can't be.

Given a space that offers what no network can be; the trial is told as pruned with its reason, so that the sampler looks
elsewhere; where the space refuses it no worker is taken; the search goes on. Where none of its choices can be, the
person reads the line of their file before anything is begun.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from objectives.messages import Objective, StudyData, TrainingFailure, TrainingTask
from objectives.networks.registry import build
from search.workers.trainer import Trainer
from spaces.catalogue import find_space
from spaces.errors import ImpossibleChoiceError, SpaceError
from spaces.parameters import find_parameters
from spaces.recipe import Fit, Network, Recipe
from spaces.space import Space
from spaces.suggest import Suggest
from tests.search.driver.test_loop import Stage
from tests.search.fixtures.scripted_workers import Play, steady
from tests.search.fixtures.toy import IMAGES, RECIPE, toy_settings, toy_space

FILTERS_FROM = '''"""Filters from {low} to 3."""

from spaces.recipe import ConvNet, Fit, Recipe, Stage


def suggest(trial):
    filters = trial.suggest_int("filters", {low}, {high})
    if filters == 2:
        raise ValueError("two filters are never enough")
    return Recipe(network=ConvNet(stages=(Stage(filters=filters, convolutions=1),), kernel=3), fit=Fit(learning_rate=1))
'''


def space_of(folder: Path, low: int, high: int) -> Space:
    """Return a person's space that chooses among these numbers of filters."""
    (folder / "mine.py").write_text(FILTERS_FROM.format(low=low, high=high))
    return find_space(str(folder / "mine.py"))


def test_a_trial_whose_choice_can_not_be_is_pruned_with_its_reason_and_takes_no_worker(tmp_path: Path) -> None:
    space = space_of(tmp_path, 0, 3)
    stage = Stage(tmp_path, lambda task: steady(0.5), space=space, settings=toy_settings(trials=24))
    stage.search.run()
    reasons = {
        0: "invalid filters 0: expected 1 or more (space 'mine.py', line 10)",
        2: "two filters are never enough (space 'mine.py', line 9)",
    }
    assert {
        (record.params["filters"], record.state, record.cause, record.message, record.epochs)
        for record in stage.progress.ended_trials
    } == {
        *((filters, "PRUNED", "invalid", reason, 0) for filters, reason in reasons.items()),
        *((filters, "COMPLETE", None, None, 3) for filters in (1, 3)),
    }
    assert stage.started == [record.trial for record in stage.progress.ended_trials if record.state == "COMPLETE"]


def test_many_such_choices_before_the_first_success_do_not_end_the_search(tmp_path: Path) -> None:
    def choose(trial: Suggest) -> Recipe:
        share = trial.suggest_float("share", 0.0, 1.0)
        if share > 0.1:
            raise ImpossibleChoiceError("invalid filters 0: expected 1 or more")
        return replace(RECIPE, fit=Fit(learning_rate=share))

    stage = Stage(tmp_path, lambda task: steady(0.5), space=toy_space(choose=choose), settings=toy_settings(trials=8))
    stage.search.run()
    assert stage.states == ["PRUNED"] * 7 + ["COMPLETE"]


def test_a_space_of_which_some_choices_can_be_is_accepted(tmp_path: Path) -> None:
    (parameter,) = find_parameters(space_of(tmp_path, 0, 3), images=IMAGES, classes=3)
    assert (parameter.name, parameter.low, parameter.high) == ("filters", 0, 3)


def test_one_of_which_none_can_be_names_the_line_before_anything_begins(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match=r"invalid filters 0: expected 1 or more \(space 'mine.py', line 10\)"):
        find_parameters(space_of(tmp_path, 0, 0), images=IMAGES, classes=3)


@pytest.mark.parametrize(("cause", "state"), [("invalid", "PRUNED"), ("gpu_oom", "PRUNED"), ("error", "FAIL")])
def test_what_a_worker_finds_out_is_told_so_that_the_sampler_learns_and_tried_once(
    tmp_path: Path, cause: Any, state: str
) -> None:
    failure = TrainingFailure(cause=cause, message="no pixel is left", traceback="in their_builder")

    def play(task: TrainingTask) -> Play:
        return Play(scores=(), failure=failure) if task.trial == 1 else steady(0.5)

    stage = Stage(tmp_path, play, settings=toy_settings(trials=3))
    stage.search.run()
    record = stage.folder.read_trial(1)
    assert record is not None
    said = "no pixel is left (batch_size=32)" if cause == "gpu_oom" else "no pixel is left"
    assert (record.state, record.cause, record.message, stage.started) == (state, cause, said, [0, 1, 2])
    assert (stage.folder.trial(1) / "traceback.txt").read_text() == "in their_builder\n"


@dataclass(frozen=True, kw_only=True)
class FivePools(Network):
    """Poolings until no pixel is left of 8x8."""


@build.register
def _five_pools(network: FivePools, images: Any) -> Any:
    import keras

    for _ in range(5):
        images = keras.layers.MaxPooling2D(2)(images)
    return keras.layers.Flatten()(images)


@pytest.mark.slow
def test_poolings_that_leave_no_pixel_are_such_a_choice(small_digits: StudyData) -> None:
    trainer = Trainer(data=small_digits, objective=Objective(metric="val_accuracy", epochs=1))
    failure = trainer.start(TrainingTask(trial=0, recipe=replace(RECIPE, network=FivePools()), seed=0))
    assert isinstance(failure, TrainingFailure)
    assert (failure.cause, failure.corrupts_process) == ("invalid", False)
    assert failure.message.startswith("ValueError while building the network: ")
