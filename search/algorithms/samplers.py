"""Samplers by name. To add one, write an entry in `SAMPLERS`: `--sampler` accepts it and its help lists it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from search.algorithms.pruners import experimental_warnings_ignored
from spaces.errors import UnknownNameError, UsageError
from spaces.space import Parameters

if TYPE_CHECKING:
    import optuna

    from search.algorithms.history import History


@dataclass(frozen=True, kw_only=True)
class SamplerInputs:
    """What a sampler may depend on."""

    seed: int
    """The run's: for samplers that walk one fixed sequence through all trials."""
    trial_seed: int
    """For all others: derived from the run's seed and the trial's number."""
    untried: Parameters
    """Choices that lead to a recipe that no earlier trial has."""
    history: History | None
    """Earlier trials, kept from one trial to the next to save time; None: read from the study."""
    is_repeat: Callable[[Parameters], bool]
    """Whether an earlier trial had the same recipe, perhaps with other parameters that had no effect."""


@dataclass(frozen=True)
class Sampler:
    """One value of `--sampler`."""

    help: str
    make: Callable[[SamplerInputs], optuna.samplers.BaseSampler]
    """Imports Optuna only when it is called, so that `--help` stays quick."""


def _tpe(inputs: SamplerInputs) -> optuna.samplers.BaseSampler:
    from search.algorithms.history import History
    from search.algorithms.tpe import WindowedTPE

    return WindowedTPE(seed=inputs.trial_seed, history=inputs.history or History())


def _nearby(inputs: SamplerInputs) -> optuna.samplers.BaseSampler:
    from search.algorithms.history import History
    from search.algorithms.nearby import NearbySampler

    return NearbySampler(seed=inputs.trial_seed, history=inputs.history or History(), is_repeat=inputs.is_repeat)


def _random(inputs: SamplerInputs) -> optuna.samplers.BaseSampler:
    import optuna

    return optuna.samplers.RandomSampler(seed=inputs.trial_seed)


def _gp(inputs: SamplerInputs) -> optuna.samplers.BaseSampler:
    import optuna

    if importlib.util.find_spec("torch") is None:
        raise UsageError("--sampler gp needs PyTorch; install it (pip install 'tamiz[torch]') or choose tpe")
    return optuna.samplers.GPSampler(seed=inputs.trial_seed, warn_independent_sampling=False)


def _cmaes(inputs: SamplerInputs) -> optuna.samplers.BaseSampler:
    import optuna

    return optuna.samplers.CmaEsSampler(seed=inputs.trial_seed, warn_independent_sampling=False)


def _qmc(inputs: SamplerInputs) -> optuna.samplers.BaseSampler:
    import optuna

    return optuna.samplers.QMCSampler(
        seed=inputs.seed, scramble=True, warn_independent_sampling=False, warn_asynchronous_seeding=False
    )


def _grid(inputs: SamplerInputs) -> optuna.samplers.BaseSampler:
    import optuna

    chosen = dict(inputs.untried)
    return optuna.samplers.PartialFixedSampler(chosen, optuna.samplers.RandomSampler(seed=inputs.trial_seed))


def _nsga2(inputs: SamplerInputs) -> optuna.samplers.BaseSampler:
    import optuna

    return optuna.samplers.NSGAIISampler(seed=inputs.trial_seed)


SAMPLERS = {
    "tpe": Sampler("tree-structured Parzen estimator; learns from the best and the latest trials", _tpe),
    "nearby": Sampler("small changes to the best trials so far, starts included; TPE in between", _nearby),
    "random": Sampler("independent random choices", _random),
    "gp": Sampler("Gaussian process; needs PyTorch (pip install 'tamiz[torch]')", _gp),
    "cmaes": Sampler("CMA-ES on numbers; choices from lists are random", _cmaes),
    "qmc": Sampler("quasi-Monte Carlo: an evenly spread sequence", _qmc),
    "grid": Sampler("every combination; three points of each continuous range", _grid),
    "nsga2": Sampler("genetic algorithm NSGA-II", _nsga2),
}


def make_sampler(
    name: str,
    *,
    seed: int,
    number: int,
    again: int = 0,
    untried: Parameters = MappingProxyType({}),
    history: History | None = None,
    is_repeat: Callable[[Parameters], bool] = lambda params: False,
) -> optuna.samplers.BaseSampler:
    """Return the sampler of that name for one trial.

    Its randomness depends on the run's seed and the trial's number alone, so that a study that was
    interrupted chooses what an undisturbed one would.

    Args:
        name: a key of `SAMPLERS`.
        seed: the run's seed.
        number: the trial's number.
        again: how often the trial was proposed before; another number makes other choices.
        untried: choices that lead to an untried recipe, which a grid takes.
        history: the study's earlier trials, kept between calls for TPE; None: read from the study.
        is_repeat: whether an earlier trial had the same recipe.

    Raises:
        UnknownNameError: `SAMPLERS` has no such entry.
        UsageError: a package is missing.
    """
    if name not in SAMPLERS:
        raise UnknownNameError("sampler", name, SAMPLERS, plural="samplers")
    inputs = SamplerInputs(
        seed=seed,
        trial_seed=derive_seed(seed, number, *([again] if again else [])),
        untried=untried,
        history=history,
        is_repeat=is_repeat,
    )
    with experimental_warnings_ignored():
        return SAMPLERS[name].make(inputs)


def derive_seed(seed: int, number: int, *further: int) -> int:
    """Return the seed of a trial, or of its sampler, from the run's seed and the trial's number."""
    import numpy as np

    return int(np.random.SeedSequence([seed, number, *further]).generate_state(1)[0])
