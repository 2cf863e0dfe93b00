"""Grids over a space's parameters, and designed experiments."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from spaces.errors import SpaceError, UsageError
from spaces.parameters import Parameter
from spaces.space import Parameters, ParameterValue

LARGEST_GRID = 100_000
"""Most points of a grid."""


def grid_of(parameters: Sequence[Parameter]) -> dict[str, list[ParameterValue]]:
    """Return each parameter's values on a grid: all choices and steps, three points of a continuous range.

    Raises:
        UsageError: the grid has more than `LARGEST_GRID` points.
    """
    grid = {parameter.name: _points(parameter) for parameter in parameters}
    size = math.prod(map(len, grid.values()))
    if size > LARGEST_GRID:
        raise UsageError(
            f"a grid over this space has {size:.2g} points; expected at most {LARGEST_GRID:,}. "
            "Choose --sampler tpe, or a space with fewer parameters"
        )
    return grid


def is_listed(parameter: Parameter) -> bool:
    """Whether a grid has all values of a parameter: choices, or a range with steps."""
    return parameter.choices is not None or (parameter.step is not None and not parameter.log)


def is_whole_grid(parameters: Sequence[Parameter]) -> bool:
    """Whether a space is finite, and small enough for a grid of all that can be chosen."""
    if not parameters or not all(map(is_listed, parameters)):
        return False
    return math.prod(len(_points(parameter)) for parameter in parameters) <= LARGEST_GRID


def design_of(parameters: Sequence[Parameter], *, repeats: int) -> tuple[Parameters, ...]:
    """Return the choices of a designed experiment's trials, in order: every combination, `repeats` times.

    All combinations come once before any comes again: a design that ends early is still balanced.

    Raises:
        SpaceError: a parameter has no list of values, or depends on another.
        UsageError: there are more combinations than a grid may have.
    """
    for parameter in parameters:
        if parameter.when is not None or not is_listed(parameter):
            raise SpaceError(
                f"parameter '{parameter.name}' can't be part of a design (the space has REPEATS); "
                "expected choices, or a range with steps, suggested in every trial"
            )
    grid = grid_of(parameters)
    return tuple(dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())) * repeats


def _points(parameter: Parameter) -> list[ParameterValue]:
    import numpy as np  # not at import time: `--help` reads the names of the samplers

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
