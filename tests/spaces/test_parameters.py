"""A space's parameters are found by letting it choose; given ones are checked and become a recipe."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from spaces.catalogue import find_space
from spaces.errors import SpaceError
from spaces.parameters import Parameter, RandomSuggest, find_parameters, recipe_for
from spaces.recipe import ConvNet, Fit, ImageShape, Recipe, Stage
from spaces.space import Parameters, Space
from spaces.suggest import Suggest

DIGITS = ImageShape(height=8, width=8, channels=1)


def _space(choose: Callable[[Suggest], object]) -> Space:
    def suggest(trial: Suggest) -> Recipe:
        choose(trial)
        return Recipe(network=ConvNet(stages=(Stage(filters=2, convolutions=1),), kernel=3), fit=Fit(learning_rate=0.1))

    return Space(
        name="toy",
        docstring="A toy.",
        suggest=suggest,
        baselines={},
        default_data=None,
        module="toy",
        file="toy.py",
        digest="",
    )


def _found(choose: Callable[[Suggest], object]) -> dict[str, Parameter]:
    return {p.name: p for p in find_parameters(_space(choose), images=DIGITS, classes=10)}


def test_kinds_ranges_and_choices_are_found() -> None:
    def choose(trial: Suggest) -> None:
        trial.suggest_int("depth", 1, 6, step=2)
        trial.suggest_float("rate", 1e-4, 1e-1, log=True)
        trial.suggest_float("dropout", 0.0, 0.5, step=0.1)
        trial.suggest_categorical("norm", [True, False])

    assert _found(choose) == {
        "depth": Parameter(name="depth", kind="int", low=1, high=5, step=2),
        "rate": Parameter(name="rate", kind="float", low=1e-4, high=1e-1, log=True),
        "dropout": Parameter(name="dropout", kind="float", low=0.0, high=0.5, step=0.1),
        "norm": Parameter(name="norm", kind="categorical", choices=(True, False)),
    }


def test_they_come_in_the_order_of_asking() -> None:
    space = find_space("cnn_cifar")

    names = [p.name for p in find_parameters(space, images=DIGITS, classes=10)]

    assert names == [*sorted(names, key=names.index)]
    assert names[:3] == ["stages", "convolutions", "filters"]


def test_a_condition_names_the_choice_and_its_values() -> None:
    def choose(trial: Suggest) -> None:
        trial.suggest_float("rate", 0.0, 1.0)
        if trial.suggest_categorical("optimizer", ["adam", "sgd", "rmsprop"]) != "adam":
            trial.suggest_float("momentum", 0.0, 0.9)

    found = _found(choose)

    assert found["optimizer"].when is None
    assert found["momentum"].when == {"optimizer": ("rmsprop", "sgd")}


def test_a_condition_within_a_condition_names_the_nearer_choice() -> None:
    def choose(trial: Suggest) -> None:
        if trial.suggest_categorical("augment", [True, False]) and trial.suggest_categorical("rotate", [True, False]):
            trial.suggest_float("degrees", 0.0, 20.0)

    found = _found(choose)

    assert (found["rotate"].when, found["degrees"].when) == ({"augment": (True,)}, {"rotate": (True,)})


def test_a_condition_that_no_choice_explains_is_left_empty() -> None:
    def choose(trial: Suggest) -> None:
        if trial.suggest_float("rate", 0.0, 1.0) > 0.5:
            trial.suggest_int("warmup", 1, 3)

    assert _found(choose)["warmup"].when == {}


def test_a_range_that_depends_on_another_choice_is_refused() -> None:
    def choose(trial: Suggest) -> None:
        trial.suggest_int("filters", 1, 8 * trial.suggest_int("stages", 1, 2))

    with pytest.raises(SpaceError, match="'filters' of space 'toy' goes from .* in one trial and from .* in another"):
        _found(choose)


@pytest.mark.parametrize(
    ("choose", "message"),
    [
        (lambda trial: trial.suggest_int("n", 3, 1), "goes from 3 to 1"),
        (lambda trial: trial.suggest_int("n", 1.5, 3), "expected whole numbers"),
        (lambda trial: trial.suggest_float("x", 0.0, 1.0, log=True), "logarithmic from 0.0: expected more than 0"),
        (lambda trial: trial.suggest_float("x", 0.1, 1.0, step=0.1, log=True), "one of the two"),
        (lambda trial: trial.suggest_float("x", 0.0, 1.0, step=-0.1), "steps of -0.1: expected more than 0"),
        (lambda trial: trial.suggest_float("x", 0.0, float("inf")), "goes from 0.0 to inf"),
        (lambda trial: trial.suggest_categorical("c", []), r"has the choices \[\]"),
        (lambda trial: trial.suggest_categorical("c", [(1, 2)]), r"has the choices \[\(1, 2\)\]"),
        (lambda trial: (trial.suggest_int("n", 1, 2), trial.suggest_int("n", 1, 3)), "asked twice in one trial"),
    ],
)
def test_what_no_sampler_can_choose_from_is_refused(choose: Callable[[Suggest], object], message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        _found(choose)


def test_the_same_seed_chooses_the_same() -> None:
    space = find_space("cnn_cifar")

    first, second, other = (RandomSuggest(seed=seed, images=DIGITS, classes=10) for seed in (1, 1, 2))

    assert space.suggest(first) == space.suggest(second)
    assert space.suggest(other) != space.suggest(RandomSuggest(seed=1, images=DIGITS, classes=10))


def test_what_is_chosen_at_random_is_accepted_again() -> None:
    space = find_space("cnn_cifar")

    for seed in range(100):
        trial = RandomSuggest(seed=seed, images=DIGITS, classes=10)
        recipe = space.suggest(trial)
        assert recipe_for(space, trial.chosen, images=DIGITS, classes=10) == recipe


def _choose_two(trial: Suggest) -> None:
    trial.suggest_float("dropout", 0.0, 0.3, step=0.1)
    trial.suggest_categorical("units", [0, 64])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"dropout": 0.1}, "'units' is missing: expected 0, 64"),
        ({"dropout": 0.1, "units": 65}, "invalid units 65: expected 0, 64"),
        ({"dropout": 0.1, "units": False}, "invalid units False: expected 0, 64"),
        ({"dropout": 0.4, "units": 0}, "invalid dropout 0.4: expected 0 to 0.3, in steps of 0.1"),
        ({"dropout": 0.15, "units": 0}, "invalid dropout 0.15"),
        ({"dropout": "0.1", "units": 0}, "invalid dropout '0.1'"),
        ({"dropout": 0.1, "units": 0, "momentum": 0.9}, "'momentum' is not asked for by space 'toy'"),
    ],
)
def test_params_outside_the_space_are_refused(params: Parameters, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        recipe_for(_space(_choose_two), params, images=DIGITS, classes=10)


def test_a_step_s_rounding_error_is_no_error() -> None:
    params = {"dropout": 3 * 0.1, "units": 0}  # 0.30000000000000004

    assert recipe_for(_space(_choose_two), params, images=DIGITS, classes=10).fit.learning_rate == 0.1
