"""Choices and records of a space may be None or of NumPy's types: they are stored as plain values."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
import pytest

from search.algorithms.grid import grid_of
from spaces.errors import SpaceError
from spaces.parameters import Parameter, find_parameters, recipe_for
from spaces.recipe import ConvNet, Fit, ImageShape, Recipe, Stage
from spaces.space import Space
from spaces.suggest import Suggest, TrialSuggest

DIGITS = ImageShape(height=8, width=8, channels=1)


def space_of(choose: Callable[[Suggest], Any]) -> Space:
    def suggest(trial: Suggest) -> Recipe:
        rate = choose(trial)
        fit = Fit(learning_rate=np.float32(rate or 0.1), batch_size=np.int64(32))  # type: ignore[arg-type]
        return Recipe(network=ConvNet(stages=(Stage(filters=np.int64(2), convolutions=1),), kernel=3), fit=fit)  # type: ignore[arg-type]

    return Space(
        name="toy",
        docstring="A toy.",
        suggest=suggest,
        baselines={},
        default_data=None,
        module="toy",
        file="",
        digest="",
    )


CHOICES = {
    "None first": ([None, 0.2, 0.5], (None, 0.2, 0.5)),
    "None alone": ([None], (None,)),
    "whole numbers of NumPy": (list(np.array([4, 8, 16])), (4, 8, 16)),
    "an array": (np.array([4, 8, 16]), (4, 8, 16)),
    "a logarithmic array": (np.logspace(-3, -1, 3), (0.001, 0.01, 0.1)),
    "single precision": ([np.float32(0.25), 0.5], (0.25, 0.5)),
    "booleans of NumPy": ([np.True_, np.False_], (True, False)),
    "text of NumPy": (list(np.array(["adam", "sgd"])), ("adam", "sgd")),
    "a range": (range(1, 4), (1, 2, 3)),
    "a mixture": ([None, True, np.int8(3), "x"], (None, True, 3, "x")),
}


@pytest.mark.parametrize(("choices", "plain"), CHOICES.values(), ids=CHOICES.keys())
def test_choices_are_stored_as_plain_values(choices: Any, plain: tuple[Any, ...]) -> None:
    space = space_of(lambda trial: trial.suggest_categorical("c", choices) and None)
    (found,) = find_parameters(space, images=DIGITS, classes=10)
    study = optuna.create_study()
    for choice in plain:
        study.enqueue_trial({"c": choice})
        trial = study.ask()
        space.suggest(TrialSuggest(trial, images=DIGITS, classes=10))
        study.tell(trial, 0.5)

    assert found == Parameter(name="c", kind="categorical", choices=plain)
    assert [type(choice) for choice in found.choices or ()] == [type(choice) for choice in plain]
    assert grid_of([found]) == {"c": list(plain)}
    stored = [trial.params["c"] for trial in study.get_trials()]
    assert list(map(repr, stored)) == list(map(repr, plain))
    assert json.loads(json.dumps(stored)) == stored


def test_bounds_may_be_of_numpy() -> None:
    def choose(trial: Suggest) -> float:
        trial.suggest_int("n", np.int64(1), np.int32(9), step=np.int16(2))  # type: ignore[arg-type]
        return trial.suggest_float("x", np.float32(0.25), np.float64(1), log=True)  # type: ignore[arg-type]

    assert find_parameters(space_of(choose), images=DIGITS, classes=10) == (
        Parameter(name="n", kind="int", low=1, high=9, step=2),
        Parameter(name="x", kind="float", low=0.25, high=1.0, log=True),
    )


def test_none_may_be_a_condition_and_a_given_value() -> None:
    def choose(trial: Suggest) -> None:
        if trial.suggest_categorical("decay", [None, "cosine", "steps"]) is not None:
            trial.suggest_float("least", 0.0, 1.0)

    found = find_parameters(space_of(choose), images=DIGITS, classes=10)

    assert found[1].when == {"decay": ("cosine", "steps")}
    assert recipe_for(space_of(choose), {"decay": None}, images=DIGITS, classes=10).fit.batch_size == 32
    with pytest.raises(SpaceError, match="invalid decay 'none': expected None, cosine, steps"):
        recipe_for(space_of(choose), {"decay": "none"}, images=DIGITS, classes=10)


def test_a_recipe_with_numbers_of_numpy_is_stored() -> None:
    recipe = recipe_for(space_of(lambda _: 0.25), {}, images=DIGITS, classes=10)
    stored = Recipe.from_json(recipe.to_json())

    assert (stored, type(stored.fit.batch_size), type(stored.network.stages[0].filters)) == (recipe, int, int)  # type: ignore[attr-defined]
