"""Samplers by name, and TPE that learns from a window of trials."""

from __future__ import annotations

import importlib.util

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, create_trial

from search.algorithms.history import History
from search.algorithms.samplers import SAMPLERS, make_sampler
from search.algorithms.tpe import LEARNT_FROM, WindowedTPE
from spaces.errors import UnknownNameError, UsageError

SPACE = {"x": FloatDistribution(0.0, 1.0), "y": FloatDistribution(0.0, 1.0)}


def study_of(values: list[float], *, direction: str = "maximize") -> optuna.Study:
    """Return a study with a complete trial for each value, at x = value."""
    study = optuna.create_study(direction=direction)
    for number, value in enumerate(values):
        params = {"x": value, "y": (number * 37 % 100) / 100}
        study.add_trial(create_trial(params=params, distributions=SPACE, value=value))
    return study


def asked(study: optuna.Study, sampler: optuna.samplers.BaseSampler) -> dict[str, float]:
    """Return what a sampler would try next."""
    study.sampler = sampler
    params: dict[str, float] = study.ask(SPACE).params
    return params


def test_with_few_trials_it_is_optuna_s() -> None:
    values = [(number * 7919 % 1000) / 1000 for number in range(LEARNT_FROM)]
    ours = WindowedTPE(seed=3, history=History())
    theirs = optuna.samplers.TPESampler(n_startup_trials=5, seed=3)
    assert asked(study_of(values), ours) == asked(study_of(values), theirs)


@pytest.mark.parametrize(("direction", "best"), [("maximize", 1.0), ("minimize", 0.0)])
def test_with_many_it_learns_from_the_best_and_the_latest(
    direction: str, best: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[FrozenTrial] = []
    split = optuna.samplers._tpe.sampler._split_trials

    def watched(study: optuna.Study, trials: list[FrozenTrial], below: int) -> tuple[list[FrozenTrial], ...]:
        seen.extend(trials)
        return split(study, trials, below)

    monkeypatch.setattr(optuna.samplers._tpe.sampler, "_split_trials", watched)
    values = [best] + [0.5] * 600
    asked(study_of(values, direction=direction), make_sampler("tpe", seed=0, number=601))
    numbers = [trial.number for trial in seen]
    shown = LEARNT_FROM - 1  # the last is the trial that is asked for
    assert (len(numbers), numbers[0], numbers[-1]) == (shown, 0, 600)
    assert numbers == sorted(numbers)


def test_keeping_what_is_known_of_trials_changes_no_choice() -> None:
    def choices(kept: History | None) -> list[dict[str, float]]:
        study = study_of([0.1, 0.9, 0.4, 0.6, 0.3, 0.7])
        found = []
        for number in range(8):
            found.append(asked(study, WindowedTPE(seed=number, history=kept or History())))
            study.tell(study.trials[-1].number, found[-1]["x"])
        return found

    assert choices(History()) == choices(None)


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_by_name_suggests(name: str) -> None:
    if name == "gp":
        pytest.importorskip("torch")

    assert set(asked(study_of([0.1, 0.9]), make_sampler(name, seed=0, number=2))) == set(SPACE)


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="PyTorch is installed")
def test_a_gaussian_process_without_pytorch_is_refused() -> None:
    with pytest.raises(UsageError, match="--sampler gp needs PyTorch; install it"):
        make_sampler("gp", seed=0, number=0)


def test_an_unknown_sampler_is_refused_with_the_list() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown sampler 'tpr'\. Did you mean 'tpe'\?\nSamplers: cmaes, gp"):
        make_sampler("tpr", seed=0, number=0)
