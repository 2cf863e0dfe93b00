"""Small changes to the best trials so far, with TPE in between: a local search that begins at good starts."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from search.algorithms.history import History
from search.algorithms.tpe import RANDOM_FIRST, WindowedTPE
from spaces.space import Parameters

NEARBY_SHARE = 0.75
"""Of the trials; the others are TPE's, which may leave the neighbourhood."""
PARENTS = 2
"""Best trials that are changed, the second half as often as the first: a best score may be luck."""
MOST_CHANGES = 3
"""Parameters that are changed, at least one."""
WIDTH = 0.2
"""Standard deviation of a change, as a share of the range (of its logarithm, where that is searched)."""
SHRINKS_AFTER = 25
"""Trials after which the width shrinks, with the square root of their number."""
_tries = 20
"""Further changes to what an earlier trial has tried already."""


class NearbySampler(WindowedTPE):
    """Changes a few parameters of one of the best trials; every now and then it leaves the trial to TPE."""

    def __init__(
        self, *, seed: int, history: History, is_repeat: Callable[[Parameters], bool] = lambda params: False
    ) -> None:
        """Learn from the trials of `history`; the same seed and trials make the same choice.

        What is equal to an earlier trial, or `is_repeat`, is changed again.
        """
        super().__init__(seed=seed, history=history)
        self._is_repeat = is_repeat
        self._draw = np.random.default_rng(seed)
        self._parent: FrozenTrial | None = None

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the parameters of the trial to change, or those that TPE chooses together."""
        is_nearby = trial.number >= RANDOM_FIRST and self._draw.random() < NEARBY_SHARE
        self._parent = self._choose_parent(study) if is_nearby else None
        if self._parent is None:
            return super().infer_relative_search_space(study, trial)
        return {name: one for name, one in self._parent.distributions.items() if not one.single()}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return changed parameters; any that only the changed choices need are left to TPE."""
        if self._parent is None or not search_space:
            return super().sample_relative(study, trial, search_space)
        tried = [other.params for other in study.get_trials(deepcopy=False) if other.number != trial.number]
        fixed = {name: value for name, value in self._parent.params.items() if name not in search_space}
        params = {name: self._parent.params[name] for name in search_space}
        width = WIDTH / math.sqrt(max(1.0, trial.number / SHRINKS_AFTER))
        for _ in range(_tries):
            count = self._draw.integers(1, min(MOST_CHANGES, len(params)), endpoint=True)
            for name in self._draw.choice(list(params), size=count, replace=False):
                params[name] = _changed(params[name], search_space[name], width=width, draw=self._draw)
            if fixed | params not in tried and not self._is_repeat(fixed | params):
                break
        return params

    def _choose_parent(self, study: optuna.Study) -> FrozenTrial | None:
        """Return one of the best; while none is complete, one that is being trained, such as a recommended start."""
        if best := self._history.leading(study, PARENTS):
            weights = 0.5 ** np.arange(len(best))
            return best[self._draw.choice(len(best), p=weights / weights.sum())]
        running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        begun = [trial for trial in running if trial.params]
        return begun[self._draw.integers(len(begun))] if begun else None


def _changed(value: Any, distribution: BaseDistribution, *, width: float, draw: np.random.Generator) -> Any:
    """Return another choice, or another number some way off, in the other direction where the range ends."""
    if isinstance(distribution, CategoricalDistribution):
        own = distribution.to_internal_repr(value)  # a position: True and 1 are different choices
        others = [choice for position, choice in enumerate(distribution.choices) if position != own]
        return others[draw.integers(len(others))]
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    scaled, unscaled = (math.log, math.exp) if distribution.log else (float, float)
    low, high = scaled(distribution.low), scaled(distribution.high)
    move = width * (high - low) * draw.normal()
    if not low <= scaled(value) + move <= high:
        move = -move
    moved = unscaled(min(max(scaled(value) + move, low), high))
    if distribution.step is not None:
        steps = round((moved - distribution.low) / distribution.step)
        if steps == round((value - distribution.low) / distribution.step):
            steps += 1 if move > 0 else -1
        moved = float(f"{distribution.low + steps * distribution.step:.12g}")  # 3 * 0.1 is more than 0.3
    moved = min(max(moved, distribution.low), distribution.high)
    return int(moved) if isinstance(distribution, IntDistribution) else moved
