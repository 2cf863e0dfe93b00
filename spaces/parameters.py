"""The parameters of a space, found by letting it choose, and the recipe for given parameters."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from spaces.backbones import OURS
from spaces.errors import ImpossibleChoiceError, SpaceError
from spaces.recipe import ImageShape, Recipe
from spaces.space import Parameters, ParameterValue, Space
from spaces.suggest import Choice, plain, plain_choices

Kind = Literal["int", "float", "categorical"]
_draws = 500
_most_values = 16
"""Only parameters with at most this many values are considered as conditions of others."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One thing that a space chooses, and what it chooses from."""

    name: str
    kind: Kind
    low: float | None = None
    """Smallest value, included; None for a categorical."""
    high: float | None = None
    log: bool = False
    step: float | None = None
    """None: every value in between. Integers have 1 unless the space asks for another."""
    choices: tuple[ParameterValue, ...] | None = None
    when: Mapping[str, tuple[ParameterValue, ...]] | None = None
    """None: it is chosen in every trial. Else the parameter that it depends on, with the values for which
    it is chosen; empty where no single parameter explains that."""

    def accepts(self, value: object) -> bool:
        """Whether `value` may be chosen."""
        if self.choices is not None:
            return any(_same(value, choice) for choice in self.choices)
        if isinstance(value, bool) or not isinstance(value, int if self.kind == "int" else int | float):
            return False
        assert self.low is not None
        assert self.high is not None
        rounding = 1e-8 if self.kind == "float" and self.step else 0.0  # 3 * 0.1 is more than 0.3
        if not self.low - rounding <= value <= self.high + rounding:
            return False
        steps = (value - self.low) / self.step if self.step else 0.0
        return abs(steps - round(steps)) < 1e-8

    @property
    def described(self) -> str:
        """What is accepted, in words: "0.0001 to 0.05 (log)"."""
        if self.choices is not None:
            return ", ".join(str(choice) for choice in self.choices)
        step = f", in steps of {self.step:g}" if self.step not in (None, 1) else ""
        return f"{self.low:g} to {self.high:g}{step}{' (log)' if self.log else ''}"


class _Asking:
    """A `Suggest` that checks and records each question; a subclass answers it in `_answer`."""

    def __init__(self, *, images: ImageShape, classes: int) -> None:
        self.images = images
        self.classes = classes
        self.backbones = OURS
        self.asked: dict[str, Parameter] = {}
        self.chosen: dict[str, ParameterValue] = {}

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        low, high, step = map(plain, (low, high, step))
        _check_range(name, low, high, step=step, log=log)
        if not all(isinstance(number, int) for number in (low, high, step)):
            raise SpaceError(f"parameter '{name}' asks suggest_int for {low} to {high}: expected whole numbers")
        high -= (high - low) % step
        value = self._choose(Parameter(name=name, kind="int", low=low, high=high, step=step, log=log))
        assert isinstance(value, int)
        return value

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        low, high, step = map(plain, (low, high, step))
        _check_range(name, low, high, step=step, log=log)
        value = self._choose(Parameter(name=name, kind="float", low=low, high=high, step=step, log=log))
        assert isinstance(value, int | float)
        return float(value)

    def suggest_categorical(self, name: str, choices: Sequence[Choice]) -> Choice:
        known = plain_choices(name, choices)
        value = self._choose(Parameter(name=name, kind="categorical", choices=tuple(known)))
        return next(choice for choice in known if _same(choice, value))

    def _choose(self, parameter: Parameter) -> ParameterValue:
        name = parameter.name
        if self.asked.setdefault(name, parameter) != parameter:
            raise SpaceError(
                f"parameter '{name}' is asked twice in one trial, from {self.asked[name].described} and from "
                f"{parameter.described}; give the second another name"
            )
        if name not in self.chosen:
            self.chosen[name] = self._answer(parameter)
        return self.chosen[name]

    def _answer(self, parameter: Parameter) -> ParameterValue:
        raise NotImplementedError


class RandomSuggest(_Asking):
    """Chooses at random, and records what it was asked."""

    def __init__(self, *, seed: int, images: ImageShape, classes: int) -> None:
        """Choose for images of that shape in that number of classes; the same seed makes the same choices."""
        super().__init__(images=images, classes=classes)
        self._random = random.Random(seed)

    def _answer(self, parameter: Parameter) -> ParameterValue:
        if parameter.choices is not None:
            return self._random.choice(parameter.choices)
        low, high, step = parameter.low, parameter.high, parameter.step
        assert low is not None
        assert high is not None
        if parameter.log:
            value = math.exp(self._random.uniform(math.log(low), math.log(high)))
            value = min(max(value, low), high)
        elif step is not None:
            value = low + step * self._random.randint(0, int((high - low) / step + 1e-8))
            value = float(f"{value:.12g}")  # 3 * 0.1 is more than 0.3
        else:
            value = self._random.uniform(low, high)
        return round(value) if parameter.kind == "int" else value


class FixedSuggest(_Asking):
    """Answers with given parameters; raises `SpaceError` for one that is missing or out of range."""

    def __init__(self, params: Parameters, *, images: ImageShape, classes: int) -> None:
        """Answer with `params`, for images of that shape in that number of classes."""
        super().__init__(images=images, classes=classes)
        self._params = params

    def _answer(self, parameter: Parameter) -> ParameterValue:
        if parameter.name not in self._params:
            raise SpaceError(f"'{parameter.name}' is missing: expected {parameter.described}")
        value = self._params[parameter.name]
        if not parameter.accepts(value):
            raise SpaceError(f"invalid {parameter.name} {value!r}: expected {parameter.described}")
        return value


def recipe_for(space: Space, params: Parameters, *, images: ImageShape, classes: int) -> Recipe:
    """Return the recipe that a space makes of given parameters: a baseline, or a stored trial.

    Raises:
        SpaceError: a parameter is missing, out of range, or unknown to the space.
    """
    suggest = FixedSuggest(params, images=images, classes=classes)
    recipe = space.suggest(suggest)
    if unasked := sorted(set(params) - set(suggest.asked)):
        raise SpaceError(
            f"'{unasked[0]}' is not asked for by space '{space.name}' with these choices: "
            f"expected {', '.join(suggest.asked)}"
        )
    return recipe


def find_parameters(space: Space, *, images: ImageShape, classes: int) -> tuple[Parameter, ...]:
    """Return the parameters of a space for images of that shape, in the order in which it asks for them.

    Lets the space choose at random a few hundred times, with fixed seeds: a parameter that is asked
    for in fewer than one of a hundred trials may be missed. Impossible choices are skipped.

    Raises:
        SpaceError: the space fails, all its choices are impossible, or a range differs from trial to trial.
    """
    trials = _possible(space, [RandomSuggest(seed=seed, images=images, classes=classes) for seed in range(_draws)])
    found: dict[str, Parameter] = {}
    for trial in trials:
        for name, parameter in trial.asked.items():
            if found.setdefault(name, parameter) != parameter:
                raise SpaceError(
                    f"parameter '{name}' of space '{space.name}' goes from {found[name].described} in one trial and "
                    f"from {parameter.described} in another: expected one range, whatever the other choices"
                )
    chosen = [trial.chosen for trial in trials]
    return tuple(replace(parameter, when=_condition(name, tuple(found), chosen)) for name, parameter in found.items())


def _possible(space: Space, trials: Sequence[RandomSuggest]) -> list[RandomSuggest]:
    """Let the space choose with each; returns those that led to a recipe."""
    possible: list[RandomSuggest] = []
    refused: ImpossibleChoiceError | None = None
    for trial in trials:
        try:
            space.suggest(trial)
        except ImpossibleChoiceError as error:
            refused = refused or error
        else:
            possible.append(trial)
    if refused is not None and not possible:
        raise refused
    return possible


def _condition(
    name: str, names: Sequence[str], trials: Sequence[Parameters]
) -> Mapping[str, tuple[ParameterValue, ...]] | None:
    with_it = [trial for trial in trials if name in trial]
    without = [trial for trial in trials if name not in trial]
    if not without:
        return None
    for other in names:
        values = {trial[other] for trial in trials if other in trial}
        if other == name or len(values) > _most_values or not all(other in trial for trial in with_it):
            continue
        asked = {trial[other] for trial in with_it}
        if asked.isdisjoint({trial[other] for trial in without if other in trial}):
            return {other: tuple(sorted(asked, key=lambda value: (str(type(value)), value)))}
    return {}


def _check_range(name: str, low: float, high: float, *, step: float | None, log: bool) -> None:
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise SpaceError(f"parameter '{name}' goes from {low} to {high}: expected a low that is at most its high")
    if log and low <= 0:
        raise SpaceError(f"parameter '{name}' is logarithmic from {low}: expected more than 0")
    if step is not None and step <= 0:
        raise SpaceError(f"parameter '{name}' has steps of {step}: expected more than 0")
    if log and step not in (None, 1):
        raise SpaceError(f"parameter '{name}' is logarithmic and has steps: expected one of the two")


def _same(value: object, choice: ParameterValue) -> bool:
    return type(value) is type(choice) and value == choice
