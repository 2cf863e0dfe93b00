"""`spaces.suggest.Suggest` on an Optuna trial."""

from __future__ import annotations

from collections.abc import Sequence

import optuna

from spaces.backbones import OURS
from spaces.recipe import ImageShape
from spaces.suggest import Choice


class TrialSuggest:
    """`spaces.suggest.Suggest` on an Optuna trial."""

    def __init__(self, trial: optuna.trial.BaseTrial, *, images: ImageShape, classes: int) -> None:
        """Let a space choose with `trial`, for images of that shape and so many classes."""
        self._trial = trial
        self.images = images
        self.classes = classes
        self.backbones = OURS

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """Choose a whole number from `low` to `high`, both included."""
        return self._trial.suggest_int(name, low, high, step=step, log=log)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Choose a number from `low` to `high`, both included."""
        return self._trial.suggest_float(name, low, high, step=step, log=log)

    def suggest_categorical(self, name: str, choices: Sequence[Choice]) -> Choice:
        """Choose one of `choices`."""
        chosen: Choice = self._trial.suggest_categorical(name, choices)
        return chosen
