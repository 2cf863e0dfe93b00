"""No sampler proposes a recipe that an earlier trial has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from objectives.evaluation.metrics import Direction
from reports.stored.outcome import EXHAUSTED, NO_MORE
from reports.stored.records import TrialRecord
from search.algorithms.samplers import SAMPLERS, Sampler, SamplerInputs
from search.results.run_folder import RunFolder
from search.storage.database import study_storage
from search.study.opening import open_study
from search.study.study import Study
from spaces.catalogue import find_space, space_names
from spaces.errors import ImpossibleChoiceError
from spaces.parameters import find_parameters
from spaces.recipe import ConvNet, Fit, ImageShape, Recipe, Stage
from spaces.space import Space
from spaces.suggest import Suggest
from tests.search.fixtures.progress_plan import ended
from tests.search.fixtures.toy import IMAGES, RECIPE, ListeningProgress, toy_settings, toy_space

PHOTOS = ImageShape(height=32, width=32, channels=3)
SEARCHED = [name for name in space_names() if find_space(name).repeats is None]


def _study(space: Space, sampler: str, *, images: ImageShape = IMAGES, seed: int = 0) -> tuple[Study, optuna.Study]:
    """Return a study in memory, with its queue, and Optuna's own inside it."""
    inner = optuna.create_study(direction=Direction.MAXIMIZE)
    study = Study(
        inner,
        space=space,
        parameters=find_parameters(space, images=images, classes=3),
        settings=replace(toy_settings(sampler=sampler), seed=seed),
        images=images,
        classes=3,
    )
    study.queue(space.baselines, space.starts)
    return study, inner


def _ask(study: Study, most: int) -> list[Recipe]:
    """Ask for trials until there are no more, and complete each with a score that depends on its number alone."""
    recipes: list[Recipe] = []
    while len(recipes) < most and (trial := study.ask()) is not None:
        try:
            recipes.append(study.suggest(trial))
            record: TrialRecord = replace(ended(trial.number, score=trial.number * 37 % 100 / 100), state="COMPLETE")
        except ImpossibleChoiceError:
            record = replace(ended(trial.number, score=None), state="PRUNED")
        study.tell(trial, record)
    return recipes


def _choose(trial: Suggest) -> Recipe:
    """Choose one of 24 recipes, with a choice that has no effect and one that some recipes lack."""
    stage = Stage(filters=trial.suggest_int("filters", 2, 8, step=2), convolutions=1)
    network = ConvNet(stages=(stage,), kernel=trial.suggest_categorical("kernel", [1, 3]))
    fit = Fit(learning_rate=0.1)
    if trial.suggest_categorical("smooth", [True, False]):
        fit = replace(fit, label_smoothing=trial.suggest_float("smoothing", 0.1, 0.2, step=0.1))
    else:
        trial.suggest_categorical("without_effect", [1, 2, 3])
    return replace(RECIPE, network=network, fit=fit)


def _small(trial: Suggest) -> Recipe:
    """Choose one of eight recipes, two of which are impossible."""
    kernel, units = trial.suggest_categorical("kernel", [1, 3]), trial.suggest_int("filters", 1, 4)
    if kernel == 3 and units > 2:
        raise ImpossibleChoiceError("too many weights")
    return replace(RECIPE, network=ConvNet(stages=(Stage(filters=units, convolutions=1),), kernel=kernel))


@pytest.mark.parametrize("sampler", sorted(set(SAMPLERS) - {"gp"}))
@pytest.mark.parametrize("seed", [0, 1])
def test_each_recipe_of_a_finite_space_comes_once(sampler: str, seed: int) -> None:
    recipes = _ask(_study(toy_space(choose=_choose), sampler, seed=seed)[0], 99)
    assert (len(recipes), len({recipe.to_json() for recipe in recipes})) == (24, 24)


@pytest.mark.parametrize("sampler", ["tpe", "random", "grid"])
def test_what_is_impossible_is_proposed_once_at_most(sampler: str) -> None:
    study, inner = _study(toy_space(choose=_small), sampler)
    recipes = _ask(study, 99)
    tried = [str(trial.params) for trial in inner.trials]
    assert len(recipes) == 6
    assert len(tried) == len(set(tried)) <= 8
    assert inner.user_attrs[NO_MORE] in EXHAUSTED


def test_a_space_whose_numbers_have_no_effect_is_exhausted() -> None:
    def choose(trial: Suggest) -> Recipe:
        trial.suggest_float("without_effect", 0.0, 1.0)
        return RECIPE

    assert len(_ask(_study(toy_space(choose=choose), "tpe")[0], 9)) == 1


def test_a_study_that_a_grid_exhausted_goes_on_with_another_sampler() -> None:
    space = toy_space()
    study, inner = _study(space, "grid")
    assert len(_ask(study, 99)) == 24
    parameters = find_parameters(space, images=IMAGES, classes=3)
    more = Study(inner, space=space, parameters=parameters, settings=toy_settings(), images=IMAGES, classes=3)
    assert len(_ask(more, 5)) == 5
    assert not inner.user_attrs[NO_MORE]


def test_the_trials_of_a_design_are_repeats_on_purpose() -> None:
    space = replace(toy_space({"plain": {"kernel": 1, "filters": 1}}, choose=_small), repeats=3)
    parameters = find_parameters(space, images=IMAGES, classes=3)
    inner = optuna.create_study(direction=Direction.MAXIMIZE)
    study = Study(inner, space=space, parameters=parameters, settings=toy_settings(), images=IMAGES, classes=3)
    study.queue(space.baselines, space.starts)
    recipes = _ask(study, 99)
    assert (len(recipes), len({recipe.to_json() for recipe in recipes})) == (6 * 3, 6)


def test_equal_baselines_and_starts_are_tried_once(tmp_path: Path) -> None:
    same = {"filters": 2, "learning_rate": 0.01}
    space = replace(toy_space({"a": same, "b": same}), starts={"c": same, "d": {**same, "filters": 3}})
    progress = ListeningProgress()
    with study_storage(f"sqlite:///{tmp_path}/study.db") as storage:
        study = open_study(
            storage,
            toy_settings(),
            space=space,
            images=IMAGES,
            classes=3,
            folder=RunFolder.at(tmp_path, "toy"),
            progress=progress,
        )
    assert [recipe.network for recipe in _ask(study, 2)] == [
        ConvNet(stages=(Stage(filters=filters, convolutions=1),), kernel=3) for filters in (2, 3)
    ]
    assert progress.notes == [
        f"{one} of space 'toy' is the recipe of baseline 'a' of space 'toy'; it is left out"
        for one in ("baseline 'b'", "start 'c'")
    ]


@pytest.mark.slow
@pytest.mark.parametrize("sampler", sorted(set(SAMPLERS) - {"gp", "grid"}))
@pytest.mark.parametrize("space", SEARCHED)
def test_no_recipe_comes_twice_in_a_searched_space(space: str, sampler: str) -> None:
    recipes = _ask(_study(find_space(space), sampler, images=PHOTOS)[0], 300)
    assert (len(recipes), len({recipe.to_json() for recipe in recipes})) == (300, 300)


@pytest.mark.parametrize("space", SEARCHED)
def test_no_recipe_comes_twice_where_the_sampler_repeats_itself(space: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def stubborn(inputs: SamplerInputs) -> optuna.samplers.BaseSampler:
        return optuna.samplers.RandomSampler(seed=7)

    monkeypatch.setitem(SAMPLERS, "random", Sampler("the same in every trial", stubborn))
    recipes = _ask(_study(find_space(space), "random", images=PHOTOS)[0], 12)
    assert (len(recipes), len({recipe.to_json() for recipe in recipes})) == (12, 12)


def test_numbers_that_differ_by_rounding_alone_are_the_same_recipe() -> None:
    def choose(trial: Suggest) -> Recipe:
        steps = trial.suggest_int("steps", 1, 4)
        rate = steps * 0.1 if trial.suggest_categorical("multiplied", [True, False]) else sum([0.1] * steps)
        return replace(RECIPE, fit=Fit(learning_rate=rate))

    assert len(_ask(_study(toy_space(choose=choose), "random")[0], 99)) == 4
