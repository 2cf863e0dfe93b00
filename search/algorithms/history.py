"""Ranked trial history, updated incrementally: no call looks at all trials again."""

from __future__ import annotations

import bisect
from collections.abc import Container
from itertools import chain

import optuna
from optuna.search_space import IntersectionSearchSpace
from optuna.trial import FrozenTrial, TrialState


class History:
    """The trials of one study, by rank; a new one of the same study gives the same results."""

    def __init__(self) -> None:
        """Start without trials."""
        self.common = IntersectionSearchSpace(include_pruned=True)
        """The parameters that all trials have in common."""
        self._ranked: list[tuple[float, int]] = []
        """Loss (smaller is better) and number of each complete trial."""
        self._known = 0
        self._under_way: list[int] = []

    def best(self, study: optuna.Study) -> FrozenTrial | None:
        """Return the completed trial with the best score, of equals the first; None before one completed."""
        return next(iter(self.leading(study, 1)), None)

    def leading(self, study: optuna.Study, most: int) -> list[FrozenTrial]:
        """Return the completed trials with the best scores, the best first, of equals the earlier first."""
        trials = self._bring_up_to_date(study)
        return [trials[number] for _, number in self._ranked[:most]]

    def window(
        self, study: optuna.Study, states: Container[TrialState], *, most: int, latest: int
    ) -> list[FrozenTrial]:
        """Return the trials in one of `states`, by number: all, or the best and the latest where there are many.

        Args:
            study: the same in every call.
            states: states of the trials to return.
            most: limit to the number of trials.
            latest: how many of these are the last; the others are the best that completed before.
        """
        trials = self._bring_up_to_date(study)
        found: list[FrozenTrial] = []
        for trial in reversed(trials):
            if trial.state in states:
                found.append(trial)
                if len(found) > most:
                    break
        else:
            return found[::-1]
        last = found[:latest]
        best: list[FrozenTrial] = []
        for _, number in self._ranked:
            if number < last[-1].number:
                best.append(trials[number])
                if len(best) == most - latest:
                    break
        return sorted(best, key=lambda trial: trial.number) + last[::-1]

    def _bring_up_to_date(self, study: optuna.Study) -> list[FrozenTrial]:
        trials = study._get_trials(deepcopy=False)
        sign = -1.0 if study.direction == optuna.study.StudyDirection.MAXIMIZE else 1.0
        looked_at = chain(self._under_way, range(self._known, len(trials)))
        self._under_way, self._known = [], len(trials)
        for number in looked_at:
            trial = trials[number]
            if not trial.state.is_finished():
                self._under_way.append(number)
            elif trial.state == TrialState.COMPLETE:
                bisect.insort(self._ranked, (sign * (trial.value or 0.0), number))
        return trials
