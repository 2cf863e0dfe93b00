"""TPE on a window of the trials, whose cost stops growing with the study."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from search.algorithms.history import History

RANDOM_FIRST = 5
"""Trials before TPE starts to learn, baselines and recommended starts included: those are good guesses already."""

LEARNT_FROM = 400
"""Most trials that TPE learns from: a quarter of them the best of all, the others the latest."""


class WindowedTPE(optuna.samplers.TPESampler):
    """TPE on the best and the latest trials alone."""

    def __init__(self, *, seed: int, history: History) -> None:
        """Learn from the trials of `history`."""
        super().__init__(n_startup_trials=RANDOM_FIRST, seed=seed)
        self._search_space = history.common  # a new one would look at every trial again
        self._history = history

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return values for the parameters that all trials have in common."""
        return super().sample_relative(_Window(study, self._history), trial, search_space)  # type: ignore[arg-type]


class _Window:
    """A study that shows only some of its trials."""

    def __init__(self, study: optuna.Study, history: History) -> None:
        self._study = study
        self._history = history

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def _get_trials(self, *, deepcopy: bool, states: Container[TrialState], use_cache: bool) -> list[FrozenTrial]:
        return self._history.window(self._study, states, most=LEARNT_FROM, latest=LEARNT_FROM * 3 // 4)
