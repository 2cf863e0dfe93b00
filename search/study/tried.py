"""Which recipes a study has tried, and which choices lead to one that it has not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from search.algorithms.grid import grid_of, is_whole_grid
from search.algorithms.samplers import derive_seed
from spaces.errors import ImpossibleChoiceError, RecordError, SpaceError
from spaces.parameters import FixedSuggest, Parameter, RandomSuggest
from spaces.recipe import ImageShape
from spaces.records import to_plain
from spaces.space import Parameters, Space

_draws = 500
"""Random choices until one is untried, in spaces that are too large to go through; one that gives none is exhausted."""
_causes_outside = ("worker_lost", "hung", "host_oom")
"""Causes of failures that another attempt may not meet: their recipes do not count as tried."""


class Tried:
    """The recipes of a study's trials; two trials are equal if their recipes are, whatever was chosen."""

    def __init__(
        self,
        space: Space,
        parameters: Sequence[Parameter],
        *,
        images: ImageShape,
        classes: int,
        seed: int,
        is_grid: bool,
    ) -> None:
        """Begin without trials.

        Args:
            space: makes the recipes.
            parameters: of the space.
            images: shape of the images.
            classes: number of classes.
            seed: the run's; the order of untried choices depends on it.
            is_grid: whether untried choices are points of a grid, with three values of each continuous range.
        """
        self._space = space
        self._parameters = parameters
        self._images = images
        self._classes = classes
        self._seed = seed
        self._walks = is_grid or is_whole_grid(parameters)
        self._known: list[str | None] = []
        """Key of each trial's recipe, by number."""
        self._keys: set[str] = set()
        self._seen: list[tuple[str, Parameters]] = []
        """The points that a walk has come to so far."""
        self._walk: Iterator[tuple[str, Parameters]] | None = None

    def update(self, trials: Sequence[FrozenTrial]) -> None:
        """Take note of the trials that have begun; all that are given have."""
        self._known += [self.key(trial.params) for trial in trials[len(self._known) :]]
        self._keys = {
            key
            for key, trial in zip(self._known, trials, strict=True)
            if key is not None and not _failed_outside(trial)
        }

    def has(self, params: Parameters) -> bool:
        """Whether an earlier trial has the recipe of these choices: some have no effect beside others."""
        return self.key(params) in self._keys

    def key(self, params: Parameters) -> str | None:
        """Return a text that equal recipes share, for an impossible one that of its choices; None: the space fails."""
        found = self._made(params)
        return None if found is None else found[0]

    def untried(self, number: int) -> Parameters | None:
        """Return choices that lead to an untried recipe, the same after the same trials; None: none were found.

        Args:
            number: the trial's that is to come.

        Raises:
            UsageError: the grid has too many points.
        """
        points = self._points() if self._walks else self._random(number)
        return next((params for key, params in points if key not in self._keys), None)

    def _points(self) -> Iterator[tuple[str, Parameters]]:
        """Go through every combination, in an order that the seed shuffles."""
        yield from self._seen
        if self._walk is None:
            self._walk = self._combinations()
        for point in self._walk:
            self._seen.append(point)
            yield point

    def _combinations(self) -> Iterator[tuple[str, Parameters]]:
        grid = grid_of(self._parameters)
        sizes = [len(values) for values in grid.values()]
        for position in np.random.default_rng(self._seed).permutation(int(np.prod(sizes))):
            places = np.unravel_index(position, sizes)
            point = self._made({name: grid[name][place] for name, place in zip(grid, places, strict=True)})
            if point is not None and point[1]:
                yield point

    def _random(self, number: int) -> Iterator[tuple[str, Parameters]]:
        for draw in range(_draws):
            seed = derive_seed(self._seed, number, draw)
            choice = RandomSuggest(seed=seed, images=self._images, classes=self._classes)
            try:
                yield _text(self._space.suggest(choice)), choice.chosen
            except (SpaceError, RecordError):
                continue

    def _made(self, params: Parameters) -> tuple[str, Parameters] | None:
        """Return the key of a recipe and what its space asked for; nothing was chosen where that is impossible."""
        suggest = FixedSuggest(params, images=self._images, classes=self._classes)
        try:
            return _text(self._space.suggest(suggest)), suggest.chosen
        except ImpossibleChoiceError:
            return _text(params), {}
        except (SpaceError, RecordError):
            return None


def _text(values: object) -> str:
    """Return a text that is the same for values that differ by rounding alone: 3 * 0.1 is more than 0.3."""
    exact = json.dumps(to_plain(values), sort_keys=True)
    return json.dumps(json.loads(exact, parse_float=lambda number: float(f"{float(number):.12g}")))


def _failed_outside(trial: FrozenTrial) -> bool:
    return trial.state is TrialState.FAIL and trial.user_attrs.get("cause") in _causes_outside
