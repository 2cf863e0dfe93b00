"""A designed experiment: every combination of a space's choices, so many times, instead of a search."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from search.study.samplers import grid_of
from spaces.errors import SpaceError
from spaces.parameters import Parameter
from spaces.space import Parameters


def design_of(parameters: Sequence[Parameter], *, repeats: int) -> tuple[Parameters, ...]:
    """Return what the trials of a design choose, in order.

    All combinations come once before any comes again: a design that ends early is still balanced.

    Raises:
        SpaceError: a parameter has no list of values, or depends on another.
        UsageError: there are more combinations than a grid may have.
    """
    for parameter in parameters:
        if parameter.when is not None or (parameter.choices is None and (parameter.step is None or parameter.log)):
            raise SpaceError(
                f"parameter '{parameter.name}' can't be part of a design (the space has REPEATS); "
                "accepted: choices, or a range with steps, asked for in every trial"
            )
    grid = grid_of(parameters)
    return tuple(dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())) * repeats
