"""The winner is chosen by means over fresh seeds, with scripted workers: no Ray, no Keras."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from objectives.messages import Predictions, TrainingTask
from reports.stored import layout
from reports.stored.confirmation import Confirmation
from reports.stored.files import read_record
from reports.stored.records import TrialRecord
from search.results.run_folder import RunFolder
from search.trainings.limits import TrialBudget
from search.trainings.parts import SearchParts
from search.winner.choice import Retrained, choose
from search.winner.confirm import confirm, find_candidates
from search.winner.share import keep_share
from spaces.errors import UsageError
from spaces.recipe import Fit, Recipe
from tests.search.fixtures.parts import search_parts
from tests.search.fixtures.scripted_workers import Play, ScriptedWorkers, diverged, predictions, steady
from tests.search.fixtures.toy import RECIPE, ListeningProgress, toy_settings, toy_space, toy_study
from tests.search.winner.test_again import TRIAL

EPOCHS = 3
LABELS = np.arange(60, dtype=np.int32) % 3


def right_on(images: int) -> Predictions:
    """Return predictions of 60 images, so many of which are right."""
    found = predictions(LABELS)
    wrong = np.roll(found.probabilities, 1, axis=1)
    return replace(found, probabilities=np.where(np.arange(60)[:, None] < images, found.probabilities, wrong))


def recipe(number: int) -> Recipe:
    return Recipe(network=RECIPE.network, fit=Fit(learning_rate=0.01 * (number + 1)))


class Stage:
    """A toy study whose search has ended; its trials have these numbers of right validation images of 60."""

    def __init__(
        self,
        tmp_path: Path,
        right: Mapping[int, int],
        play: Callable[[TrainingTask], Play] = lambda task: steady(0.5),
        *,
        wanted: int | None = 3,
        same: tuple[int, ...] = (),
        budget: TrialBudget | None = None,
        timeout_seconds: float | None = None,
    ) -> None:
        settings = replace(toy_settings(epochs=EPOCHS), confirm=wanted, timeout_seconds=timeout_seconds)
        self.folder = RunFolder.at(tmp_path, "toy")
        for number, images in right.items():
            record = replace(TRIAL, trial=number, score=images / 60, parameters=100 - number)
            made = recipe(same[0] if number in same else number)
            self.folder.write_trial(record, recipe=made, reports=(), predictions=right_on(images), model=b"model")
        self.workers = ScriptedWorkers(play)
        self.workers.next_event(0.0)  # ready
        self.progress = ListeningProgress()
        self.parts: SearchParts = search_parts(
            settings=settings,
            study=toy_study(settings),
            workers=self.workers,
            folder=self.folder,
            progress=self.progress,
            budget=budget,
        )

    @property
    def trained(self) -> list[tuple[float, int]]:
        """(rate, seed) of each training that was begun."""
        return [(task.recipe.fit.learning_rate, task.seed) for task in self.workers.tasks]

    def candidates(self) -> list[int]:
        return [
            trial.trial for trial in find_candidates(self.folder, "val_accuracy", wanted=self.parts.settings.confirm)
        ]


def test_candidates_are_those_that_the_validation_images_cannot_tell_from_the_best(tmp_path: Path) -> None:
    assert Stage(tmp_path, {0: 54, 1: 55, 2: 30, 3: 53}).candidates() == [1, 0, 3]


def test_candidates_are_distinct_recipes_and_at_most_so_many(tmp_path: Path) -> None:
    assert Stage(tmp_path, {0: 54, 1: 55, 2: 53, 3: 52}, wanted=2, same=(0, 1)).candidates() == [1, 2]


def test_unless_said_otherwise_confirming_takes_a_quarter_of_the_search(tmp_path: Path) -> None:
    right = dict.fromkeys(range(9), 55)
    assert Stage(tmp_path / "a", right, wanted=None).candidates() == [0]
    assert Stage(tmp_path / "b", dict.fromkeys(range(7), 55), wanted=None).candidates() == []
    assert Stage(tmp_path / "c", dict.fromkeys(range(60), 55), wanted=None).candidates() == [0, 1, 2]


def test_the_winner_is_the_best_mean_not_the_luckiest_search_run(tmp_path: Path) -> None:
    def play(task: TrainingTask) -> Play:
        return steady({0.01: 0.9, 0.02: 0.6}[task.recipe.fit.learning_rate])

    stage = Stage(tmp_path, {0: 54, 1: 55}, play)
    found = confirm(stage.parts)
    assert found is not None
    assert (found.chosen, found.mean, found.is_complete, found.noise) == (0, 0.9, True, 0.0)
    assert [one.trial for one in found.candidates] == [1, 0]
    assert read_record(stage.folder.path / layout.CONFIRMATION, Confirmation) == found


def test_each_candidate_is_trained_with_the_same_fresh_seeds_the_first_seed_first(tmp_path: Path) -> None:
    stage = Stage(tmp_path, {0: 55, 1: 54})
    found = confirm(stage.parts)
    assert found is not None
    first, second = found.seeds
    assert TRIAL.seed not in found.seeds
    assert stage.trained == [(0.01, first), (0.02, first), (0.01, second), (0.02, second)]


def test_nothing_is_trained_twice_and_more_trials_confirm_only_what_is_new(tmp_path: Path) -> None:
    confirm((first := Stage(tmp_path, {0: 54, 1: 53})).parts)
    again = Stage(tmp_path, {0: 54, 1: 53})
    confirm(again.parts)
    more = Stage(tmp_path, {0: 54, 1: 53, 2: 55})
    confirm(more.parts)
    assert (len(first.trained), len(again.trained)) == (4, 0)
    assert {rate for rate, _ in more.trained} == {0.03}
    assert len(more.trained) == 2


def test_a_stop_leaves_a_study_that_is_not_done_and_goes_on(tmp_path: Path) -> None:
    def play(task: TrainingTask) -> Play:
        os.kill(os.getpid(), signal.SIGINT)
        return steady(0.5)

    stage = Stage(tmp_path, {0: 55, 1: 54}, play)
    with stage.parts.stop:
        found = confirm(stage.parts)
    assert found is not None
    assert (found.is_complete, found.chosen) == (False, None)
    second = Stage(tmp_path, {0: 55, 1: 54})
    found = confirm(second.parts)
    assert found is not None
    assert found.is_complete
    assert [task.checkpoint and task.checkpoint.epoch for task in second.workers.tasks] == [1, None, None, None]


def test_when_time_is_up_the_seeds_that_all_have_decide(tmp_path: Path) -> None:
    seconds = [0.0]

    def play(task: TrainingTask) -> Play:
        seconds[0] += 1.0
        return steady(0.9 if task.recipe == recipe(1) else 0.5)

    budget = TrialBudget(trials=2, timeout_seconds=2.5, clock=lambda: seconds[0])
    stage = Stage(tmp_path, {0: 55, 1: 54}, play, budget=budget)
    found = confirm(stage.parts)
    assert found is not None
    assert (found.is_complete, found.chosen, found.noise) == (False, 1, None)
    assert [one.scores[1] for one in found.candidates] == [None, None]


def test_a_candidate_that_fails_with_a_fresh_seed_is_not_chosen(tmp_path: Path) -> None:
    def play(task: TrainingTask) -> Play:
        return diverged(0.9) if task.recipe == recipe(0) else steady(0.5)

    stage = Stage(tmp_path, {0: 55, 1: 54}, play)
    found = confirm(stage.parts)
    assert found is not None
    assert (found.chosen, found.tied, found.candidates[0].mean) == (1, (1,), None)


def test_without_candidates_there_is_no_confirmation(tmp_path: Path) -> None:
    stage = Stage(tmp_path, {0: 55, 1: 54}, wanted=0)
    (stage.folder.path / layout.CONFIRMATION).write_text("of an earlier run")
    assert confirm(stage.parts) is None
    assert not (stage.folder.path / layout.CONFIRMATION).exists()


def test_the_default_leaves_out_a_designed_space(tmp_path: Path) -> None:
    stage = Stage(tmp_path, dict.fromkeys(range(20), 55), wanted=None)
    space = replace(toy_space(choose=lambda trial: recipe(trial.suggest_int("rate", 0, 1))), repeats=2)
    parts = replace(stage.parts, study=toy_study(stage.parts.settings, space=space))
    assert confirm(parts) is None


def retrained(number: int, *right: int, parameters: int = 100) -> Retrained:
    trial: TrialRecord = replace(TRIAL, trial=number, parameters=parameters)
    records = tuple(replace(trial, score=images / 60) for images in right)
    return Retrained(trial=trial, records=records, predictions=tuple(right_on(images) for images in right))


def test_noise_is_pooled_within_recipes_and_the_tied_set_has_a_cheapest_member() -> None:
    candidates = [retrained(0, 54, 56), retrained(1, 53, 55, parameters=10), retrained(2, 20, 22)]
    found = choose(candidates, seeds=(7, 8), counted=2, metric="val_accuracy")
    assert found.noise == pytest.approx(np.std([54 / 60, 56 / 60], ddof=1))
    assert (found.chosen, found.tied, found.cheapest) == (0, (0, 1), 1)


def test_the_interval_is_wider_than_that_of_the_images_alone() -> None:
    found = choose([retrained(0, 50, 58)], seeds=(7, 8), counted=2, metric="val_accuracy")
    alone = choose([retrained(0, 54)], seeds=(7,), counted=1, metric="val_accuracy")
    assert found.mean == alone.mean == 0.9
    assert found.interval_95 is not None
    assert alone.interval_95 is not None
    assert found.interval_95[0] < alone.interval_95[0] < 0.9 < alone.interval_95[1] < found.interval_95[1] == 1.0


def test_a_share_of_the_timeout_is_kept_for_what_follows(tmp_path: Path) -> None:
    seconds = [0.0]
    budget = TrialBudget(trials=9, timeout_seconds=100.0, clock=lambda: seconds[0])
    stage = Stage(tmp_path, {0: 55, 1: 54}, wanted=2, budget=budget, timeout_seconds=100.0)
    keep_share(stage.parts, stage.folder.read_trials())
    assert budget.reserved_seconds == pytest.approx(10 + 4 * 1.6)
    seconds[0] = 84.0
    assert budget.is_over
    keep_share(stage.parts, ())
    assert not budget.is_over


def test_a_negative_number_of_candidates_is_refused() -> None:
    with pytest.raises(UsageError, match="invalid --confirm '-1': expected at least 0"):
        replace(toy_settings(), confirm=-1)
