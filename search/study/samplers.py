"""Samplers and pruners by name, seeded so that a study can be interrupted anywhere."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Container, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from search.study.history import History
from search.study.pruners import without_experimental_warnings
from spaces.errors import UsageError
from spaces.parameters import Parameter
from spaces.space import ParameterValue

LARGEST_GRID = 100_000
"""Points of the largest grid that is searched."""

RANDOM_FIRST = 5
"""Trials before TPE starts to learn, baselines and recommended starts included: those are good guesses already."""

LEARNT_FROM = 400
"""Trials that TPE learns from at most: a quarter of them the best of all, the others the latest."""


class WindowedTPE(optuna.samplers.TPESampler):
    """TPE on the best and the latest trials alone: what it computes stops growing after `LEARNT_FROM` trials."""

    def __init__(self, *, seed: int, history: History) -> None:
        """Take the seed, and what is known of the study's trials."""
        super().__init__(n_startup_trials=RANDOM_FIRST, seed=seed)
        self._search_space = history.common  # one that is made anew looks at every trial again
        self._history = history

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return values for the parameters that all trials have in common."""
        return super().sample_relative(_Window(study, self._history), trial, search_space)  # type: ignore[arg-type]


class _Window:
    """A study of which only some trials are seen."""

    def __init__(self, study: optuna.Study, history: History) -> None:
        self._study = study
        self._history = history

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def _get_trials(self, *, deepcopy: bool, states: Container[TrialState], use_cache: bool) -> list[FrozenTrial]:
        return self._history.window(self._study, states, most=LEARNT_FROM, latest=LEARNT_FROM * 3 // 4)


@without_experimental_warnings
def make_sampler(
    name: str,
    *,
    seed: int,
    number: int,
    parameters: Sequence[Parameter],
    history: History | None = None,
) -> optuna.samplers.BaseSampler:
    """Return the sampler of that name for one trial.

    Its randomness depends on the run's seed and the trial's number alone, so that a study that was
    interrupted asks what an undisturbed one would. Samplers that walk a fixed sequence keep one seed.

    Args:
        name: one of `search.settings.SAMPLERS`.
        seed: the run's seed.
        number: the trial's number.
        parameters: the space's parameters; only a grid needs them.
        history: what is known of the study's trials, kept from one asking to the next, for TPE; None: found anew.

    Raises:
        UsageError: a package is missing, or the space is too large for a grid.
    """
    own = derive_seed(seed, number)
    match name:
        case "random":
            return optuna.samplers.RandomSampler(seed=own)
        case "gp":
            _need_torch()
            return optuna.samplers.GPSampler(seed=own, warn_independent_sampling=False)
        case "cmaes":
            return optuna.samplers.CmaEsSampler(seed=own, warn_independent_sampling=False)
        case "qmc":
            return optuna.samplers.QMCSampler(
                seed=seed, scramble=True, warn_independent_sampling=False, warn_asynchronous_seeding=False
            )
        case "grid":
            return optuna.samplers.GridSampler(grid_of(parameters), seed=seed)
        case "nsga2":
            return optuna.samplers.NSGAIISampler(seed=own)
        case _:
            return WindowedTPE(seed=own, history=history or History())


def grid_of(parameters: Sequence[Parameter]) -> dict[str, list[ParameterValue]]:
    """Return each parameter's values on a grid: all choices and steps, three points of a continuous range.

    Raises:
        UsageError: the grid has more than `LARGEST_GRID` points.
    """
    grid = {parameter.name: _points(parameter) for parameter in parameters}
    size = math.prod(len(points) for points in grid.values())
    if size > LARGEST_GRID:
        raise UsageError(
            f"a grid over this space has {size:.2g} points; accepted: at most {LARGEST_GRID:,}. "
            "Choose --sampler tpe, or a space with fewer parameters"
        )
    return grid


def derive_seed(seed: int, number: int) -> int:
    """Return the seed of a trial, or of its sampler, from the run's seed and the trial's number."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


def _points(parameter: Parameter) -> list[ParameterValue]:
    if parameter.choices is not None:
        return list(parameter.choices)
    assert parameter.low is not None
    assert parameter.high is not None
    if parameter.step is not None and not parameter.log:
        count = round((parameter.high - parameter.low) / parameter.step) + 1
        points = np.linspace(parameter.low, parameter.high, count)
    else:
        points = (np.geomspace if parameter.log else np.linspace)(parameter.low, parameter.high, 3)
    if parameter.kind == "int":
        return [int(x) for x in np.unique(np.round(points))]
    return [float(x) for x in points]


def _need_torch() -> None:
    if importlib.util.find_spec("torch") is None:
        raise UsageError("--sampler gp needs PyTorch; install it (pip install 'tamiz[torch]') or choose tpe")
