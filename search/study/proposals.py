"""Trials that a sampler proposes, each with a recipe that no earlier trial has."""

from __future__ import annotations

import copy
from collections.abc import Callable

import optuna

from search.algorithms.history import History
from search.algorithms.samplers import make_sampler
from search.settings import RunSettings
from search.study.tried import Tried
from spaces.errors import ImpossibleChoiceError, SpaceError
from spaces.recipe import Recipe
from spaces.space import Parameters

PROPOSALS = 10
"""Proposals of a sampler for one trial; if all are repeats, an untried recipe is taken without it."""


class Proposals:
    """Asks a study's sampler for trials.

    A sampler that proposes a repeat is asked again for the same trial, with another seed. It is not told of the
    repeat: the earlier trial is in the study, and entering it twice would count it twice.
    """

    def __init__(
        self,
        study: optuna.Study,
        settings: RunSettings,
        *,
        tried: Tried,
        history: History,
        suggest: Callable[[optuna.Trial], Recipe],
    ) -> None:
        """Propose trials of `study`, which is in memory; `suggest` lets the space choose with a trial."""
        self._study = study
        self._settings = settings
        self._tried = tried
        self._history = history
        self._suggest = suggest

    def queued(self, number: int) -> optuna.Trial:
        """Return the next trial in the queue, the study's trial of that number, as it stands there."""
        self._study.sampler = self._sampler(self._settings.sampler, number)
        return self._study.ask()

    def untried(self, number: int) -> optuna.Trial | None:
        """Return a new trial with a recipe that no earlier one has; None: none was found.

        Raises:
            UsageError: the space is too large for a grid, or the sampler lacks a package.
        """
        self._tried.update(self._study.get_trials(deepcopy=False))
        untried = self._tried.untried(number)
        if untried is None:
            return None
        name = self._settings.sampler
        self._study.sampler = self._sampler(name, number, untried=untried)
        trial = self._study.ask()
        for again in range(1, PROPOSALS + 1):
            if not self._is_repeat(trial):
                break
            is_last = again == PROPOSALS
            self._study.sampler = self._sampler("grid" if is_last else name, number, untried=untried, again=again)
            trial = self._begin_again(trial)
        return trial

    def _sampler(
        self, name: str, number: int, *, untried: Parameters | None = None, again: int = 0
    ) -> optuna.samplers.BaseSampler:
        return make_sampler(
            name,
            seed=self._settings.seed,
            number=number,
            again=again,
            untried=untried or {},
            history=self._history,
            is_repeat=self._tried.has,
        )

    def _is_repeat(self, trial: optuna.Trial) -> bool:
        """Let the space choose, and return whether an earlier trial has the same recipe."""
        try:
            self._suggest(trial)
        except ImpossibleChoiceError:  # the same choices are impossible again
            pass
        except SpaceError:
            return False
        return self._tried.has(trial.params)

    def _begin_again(self, trial: optuna.Trial) -> optuna.Trial:
        """Forget what was chosen for a trial that is not stored yet, and let the sampler choose again."""
        storage = self._study._storage
        assert isinstance(storage, optuna.storages.InMemoryStorage)
        frozen = copy.copy(storage.get_trial(trial._trial_id))
        frozen.params, frozen.distributions, frozen.system_attrs = {}, {}, {}
        storage._set_trial(trial._trial_id, frozen)
        return optuna.Trial(self._study, trial._trial_id)
