"""Small changes to the best trials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from search.algorithms import nearby
from search.algorithms.history import History
from search.algorithms.nearby import MOST_CHANGES, NearbySampler

SPACE: dict[str, BaseDistribution] = {f"x{n}": FloatDistribution(0.0, 1.0) for n in range(8)}
KINDS = [
    (0.001, FloatDistribution(1e-4, 0.1, log=True)),
    (0.1, FloatDistribution(1e-4, 0.1, log=True)),
    (0.0, FloatDistribution(0.0, 0.3, step=0.1)),
    (0.3, FloatDistribution(0.0, 0.3, step=0.1)),
    (0.25, FloatDistribution(-1.0, 1.0)),
    (1, IntDistribution(1, 3)),
    (3, IntDistribution(1, 3)),
    (8, IntDistribution(2, 14, step=3)),
    (1, IntDistribution(1, 512, log=True)),
    (512, IntDistribution(1, 512, log=True)),
    (None, CategoricalDistribution([None, "adam"])),
    (True, CategoricalDistribution([True, None, 0.5])),
]


@pytest.fixture
def _always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no trial to TPE, not even the first ones."""
    monkeypatch.setattr(nearby, "NEARBY_SHARE", 1.0)
    monkeypatch.setattr(nearby, "RANDOM_FIRST", 0)


def study_of(*values: float, direction: str = "maximize") -> optuna.Study:
    """Return a study whose complete trial n has n / 10 for every parameter."""
    study = optuna.create_study(direction=direction)
    for number, value in enumerate(values):
        params = dict.fromkeys(SPACE, number / 10)
        study.add_trial(create_trial(params=params, distributions=SPACE, value=value))
    return study


def asked(study: optuna.Study, *, seed: int = 0, space: Mapping[str, BaseDistribution] = SPACE) -> dict[str, Any]:
    """Return what is tried next."""
    study.sampler = NearbySampler(seed=seed, history=History())
    params: dict[str, Any] = study.ask(dict(space)).params
    return params


def parent_of(params: Mapping[str, float]) -> float:
    """Return the value that most parameters have still."""
    found, counts = np.unique([*params.values()], return_counts=True)
    assert counts.max() >= len(SPACE) - MOST_CHANGES
    return float(found[counts.argmax()])


@pytest.mark.usefixtures("_always")
@pytest.mark.parametrize(("direction", "best", "second"), [("maximize", 0.3, 0.1), ("minimize", 0.2, 0.0)])
def test_one_of_the_two_best_is_changed_in_a_few_parameters(direction: str, best: float, second: float) -> None:
    changed = [asked(study_of(0.5, 0.7, 0.1, 0.9, direction=direction), seed=seed) for seed in range(60)]
    parents = [parent_of(params) for params in changed]
    assert {*parents} == {best, second}
    assert parents.count(best) > parents.count(second)
    counts = [
        sum(value != parent for value in params.values()) for params, parent in zip(changed, parents, strict=True)
    ]
    assert {*counts} == {1, 2, 3}


@pytest.mark.usefixtures("_always")
def test_a_pruned_trial_is_not_changed_however_good_it_looked() -> None:
    study = study_of(0.5, 0.6)
    study.add_trial(
        create_trial(
            state=TrialState.PRUNED,
            params=dict.fromkeys(SPACE, 0.9),
            distributions=SPACE,
            intermediate_values={1: 0.99},
        )
    )
    assert 0.9 not in {parent_of(asked(study, seed=seed)) for seed in range(30)}


@pytest.mark.usefixtures("_always")
def test_before_a_trial_is_complete_one_that_is_being_trained_is_changed() -> None:
    study = optuna.create_study(direction="maximize")
    study.enqueue_trial(dict.fromkeys(SPACE, 0.4))
    assert {*asked(study).values()} == {0.4}
    assert parent_of(asked(study, seed=1)) == 0.4


def test_the_first_trials_are_random_where_nothing_is_recommended() -> None:
    study = optuna.create_study(direction="maximize")
    for number in range(5):
        params = asked(study, seed=number)
        assert len({*params.values()}) == len(SPACE)
        study.tell(number, 0.5)
        assert all(params[name] != other.params[name] for other in study.trials[:-1] for name in SPACE)


@pytest.mark.usefixtures("_always")
def test_the_first_trial_of_all_is_random_too() -> None:
    assert len({*asked(optuna.create_study(direction="maximize")).values()}) == len(SPACE)


def test_tpe_chooses_the_rest() -> None:
    changed = [asked(study_of(*[0.5] * 5), seed=seed) for seed in range(200)]
    far = sum(len({*params.values()}) == len(SPACE) for params in changed)
    assert 0.15 < far / 200 < 0.35


@pytest.mark.usefixtures("_always")
def test_what_was_tried_or_is_being_tried_is_not_tried_again() -> None:
    space = {"optimizer": CategoricalDistribution(["adam", "sgd", None]), "fixed": IntDistribution(3, 3)}
    for seed in range(20):
        study = optuna.create_study(direction="maximize")
        for value, choice in ((0.9, "adam"), (None, "sgd")):
            study.enqueue_trial({"optimizer": choice, "fixed": 3})
            trial = study.ask(space)
            if value is not None:
                study.tell(trial, value)
        assert asked(study, seed=seed, space=space) == {"optimizer": None, "fixed": 3}
        study.tell(2, 0.1)
        assert asked(study, seed=seed, space=space)["fixed"] == 3  # every point is tried: some are tried again


@pytest.mark.usefixtures("_always")
@pytest.mark.parametrize("number", range(len(KINDS)))
def test_a_change_is_another_value_of_the_same_kind(number: int) -> None:
    value, distribution = KINDS[number]
    seen = set()
    for seed in range(40):
        study = optuna.create_study(direction="maximize")
        study.add_trial(create_trial(params={"x": value}, distributions={"x": distribution}, value=1.0))
        changed = asked(study, seed=seed, space={"x": distribution})["x"]
        seen.add((type(changed), changed))
        if isinstance(distribution, CategoricalDistribution):
            assert any(changed is choice for choice in distribution.choices)
        else:
            assert distribution._contains(changed)
            assert isinstance(changed, type(distribution.low))
    assert (type(value), value) not in seen


@pytest.mark.usefixtures("_always")
def test_steps_meet_the_numbers_of_a_start() -> None:
    space: dict[str, BaseDistribution] = {"dropout": FloatDistribution(0.0, 0.5, step=0.1)}
    study = optuna.create_study(direction="maximize")
    for value in (0.2, 0.1, 0.3, 0.4, 0.5):
        study.add_trial(create_trial(params={"dropout": value}, distributions=space, value=-value))
    assert asked(study, space=space) == {"dropout": 0.0}


@pytest.mark.usefixtures("_always")
def test_later_changes_are_smaller() -> None:
    def median(trials: int) -> float:
        study = optuna.create_study(direction="maximize")
        for number in range(trials):
            params = {"x": 0.5 if number == 0 else number / trials}
            study.add_trial(create_trial(params=params, distributions={"x": SPACE["x0"]}, value=-float(number)))
        moved = [asked(study, seed=seed, space={"x": SPACE["x0"]})["x"] - 0.5 for seed in range(40)]
        return float(np.median(np.abs(moved)))

    assert median(1000) < 0.5 * median(1)


@pytest.mark.usefixtures("_always")
def test_parameters_that_a_changed_choice_needs_are_chosen_too() -> None:
    def values(trial: optuna.Trial) -> dict[str, Any]:
        if trial.suggest_categorical("network", ["dense", "convolutional"]) == "dense":
            trial.suggest_categorical("units", [32, 64])
        else:
            trial.suggest_int("filters", 8, 64, log=True)
        return trial.params

    study = optuna.create_study(direction="maximize")
    study.enqueue_trial({"network": "dense", "units": 64})
    seen = []
    for number in range(30):
        study.sampler = NearbySampler(seed=number, history=History())
        trial = study.ask()
        seen.append(values(trial))
        study.tell(trial, 1.0 / (1 + number))
    assert {("network", "units"), ("network", "filters")} == {tuple(params) for params in seen}


def test_the_same_seed_and_trials_make_the_same_choice() -> None:
    chosen = [[asked(study_of(0.5, 0.7, 0.1, 0.9, 0.2), seed=seed) for seed in range(10)] for _ in range(2)]
    assert chosen[0] == chosen[1]
    assert len({tuple(params.values()) for params in chosen[0]}) == 10


@pytest.mark.usefixtures("_always")
def test_what_would_make_the_recipe_of_an_earlier_trial_is_changed_again() -> None:
    space: dict[str, BaseDistribution] = {name: CategoricalDistribution([0, 1]) for name in ("used", "unused")}
    for seed in range(20):
        study = optuna.create_study(direction="maximize")
        study.add_trial(create_trial(params={"used": 0, "unused": 0}, distributions=space, value=1.0))
        study.sampler = NearbySampler(seed=seed, history=History(), is_repeat=lambda params: params["used"] == 0)
        assert study.ask(space).params["used"] == 1
