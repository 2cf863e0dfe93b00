"""Which trials keep their model on disk."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import optuna
import pytest

from objectives.evaluation.metrics import Direction
from search.trainings import kept_models
from search.trainings.kept_models import MOST_BYTES, Candidate, kept
from spaces.recipe import Recipe
from spaces.suggest import Suggest
from tests.search.driver.test_loop import Stage
from tests.search.fixtures.scripted_workers import MODEL_PREFIX, steady
from tests.search.fixtures.toy import RECIPE, toy_settings, toy_space

BASELINES = {"by_hand": {"filters": 3, "learning_rate": 0.01}, "worse": {"filters": 4, "learning_rate": 0.01}}


def candidate(
    number: int,
    score: float,
    *,
    baseline: str | None = None,
    start: str | None = None,
    recipe: str | None = None,
    megabytes: int = 1,
) -> Candidate:
    """Return a complete trial; each has a recipe of its own unless it is named."""
    return Candidate(
        number=number,
        score=score,
        baseline=baseline,
        start=start,
        recipe=recipe or f"recipe {number}",
        bytes=megabytes * 1_000_000,
    )


def numbers(*candidates: Candidate, direction: Direction = Direction.MAXIMIZE) -> set[int]:
    """Return which of them keep their models."""
    return kept(candidates, direction)[0]


def models(stage: Stage) -> set[int]:
    """Return the trials of a run whose models are on disk."""
    return {int(path.parent.name) for path in stage.folder.path.glob("trials/*/model.keras")}


def test_the_five_best_recipes_the_best_baseline_and_the_best_start_stay() -> None:
    trained = [candidate(number, 0.9 - number / 100) for number in range(4, 12)]
    baselines = [candidate(0, 0.3, baseline="a"), candidate(1, 0.4, baseline="b")]
    starts = [candidate(2, 0.5, start="c"), candidate(3, 0.45, start="d")]

    assert numbers(*trained, *baselines, *starts) == {4, 5, 6, 7, 8, 1, 2}


def test_a_smaller_loss_is_better() -> None:
    trained = [candidate(number, 0.1 * number) for number in range(7)]

    assert numbers(*trained, direction=Direction.MINIMIZE) == {0, 1, 2, 3, 4}


def test_of_a_recipe_that_was_trained_twice_the_better_model_stays() -> None:
    assert numbers(candidate(0, 0.5, recipe="x"), candidate(1, 0.6, recipe="x"), candidate(2, 0.4)) == {1, 2}


def test_of_equal_scores_the_first_counts_as_the_best() -> None:
    assert numbers(candidate(1, 0.5, recipe="x"), candidate(0, 0.5, recipe="x")) == {0}


def test_a_model_that_would_make_them_too_large_goes_and_smaller_ones_stay() -> None:
    large = [candidate(0, 0.9, megabytes=120), candidate(1, 0.8, megabytes=90), candidate(2, 0.7, megabytes=60)]

    assert numbers(*large, candidate(3, 0.6, megabytes=30)) == {0, 2}


def test_the_best_the_baseline_and_the_start_stay_however_large() -> None:
    size = MOST_BYTES // 1_000_000
    best, baseline = candidate(0, 0.9, megabytes=size), candidate(1, 0.1, baseline="a", megabytes=size)
    start = candidate(2, 0.2, start="b", megabytes=size)

    assert numbers(best, baseline, start, candidate(3, 0.8)) == {0, 1, 2}


def test_a_worker_sends_a_model_only_where_it_may_stay(tmp_path: Path) -> None:
    scores = [0.3, 0.2, 0.9, 0.8, 0.7, 0.6, 0.1, 0.5, 0.95]
    settings = toy_settings(trials=len(scores))
    stage = Stage(tmp_path, lambda task: steady(scores[task.trial]), space=toy_space(BASELINES), settings=settings)
    stage.search.run()

    assert stage.workers.kept == [0, 1, 2, 3, 4, 5, 7, 8]  # 6 is worse than five others
    assert models(stage) == {0, 2, 3, 4, 5, 8}
    assert stage.folder.read_model(8) == MODEL_PREFIX + b"8"


def test_several_workers_keep_the_same_models(tmp_path: Path) -> None:
    scores = [0.3, 0.2, 0.9, 0.8, 0.7, 0.6, 0.1, 0.5, 0.95]
    settings = toy_settings(trials=len(scores))
    space = toy_space(BASELINES)
    stage = Stage(tmp_path, lambda task: steady(scores[task.trial]), space=space, settings=settings, count=4)
    stage.search.run()

    assert models(stage) == {0, 2, 3, 4, 5, 8}


def test_a_run_that_is_continued_goes_on_with_the_models_of_the_earlier_one(tmp_path: Path) -> None:
    scores = [0.9, 0.8, 0.7, 0.6, 0.5, 0.1, 0.65, 0.95]
    storage = optuna.storages.InMemoryStorage()
    Stage(
        tmp_path, lambda task: steady(scores[task.trial]), storage=storage, settings=toy_settings(trials=5)
    ).search.run()
    settings = toy_settings(trials=8)
    again = Stage(tmp_path, lambda task: steady(scores[task.trial]), storage=storage, settings=settings)
    again.search.run()

    assert (again.workers.kept, models(again)) == ([6, 7], {0, 1, 2, 6, 7})


def test_models_that_an_interrupted_run_left_are_deleted_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = [0.1, 0.9, 0.8, 0.7]
    Stage(tmp_path, lambda task: steady(scores[task.trial])).search.run()
    monkeypatch.setattr(kept_models, "MOST_RECIPES", 2)
    again = Stage(tmp_path, lambda task: steady(scores[task.trial]))

    assert models(again) == {1, 2}


def test_repeats_of_one_recipe_keep_one_model(tmp_path: Path) -> None:
    def choose(trial: Suggest) -> Recipe:
        trial.suggest_categorical("without_effect", [1, 2, 3, 4])
        return RECIPE

    scores = [0.5, 0.7, 0.6, 0.4]
    space = dataclasses.replace(toy_space(choose=choose), repeats=1)  # elsewhere no recipe is tried twice
    stage = Stage(tmp_path, lambda task: steady(scores[task.trial]), space=space)
    stage.search.run()

    assert models(stage) == {1}
