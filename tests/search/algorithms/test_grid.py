"""A designed experiment has each combination of choices equally often."""

from __future__ import annotations

import pytest

from search.algorithms.grid import design_of
from spaces.errors import SpaceError
from spaces.parameters import Parameter

SWITCH = Parameter(name="norm", kind="categorical", choices=(False, True))
STEPS = Parameter(name="depth", kind="int", low=1, high=2, step=1)


def test_all_combinations_come_once_before_any_comes_again() -> None:
    block = (
        {"norm": False, "depth": 1},
        {"norm": False, "depth": 2},
        {"norm": True, "depth": 1},
        {"norm": True, "depth": 2},
    )

    assert design_of([SWITCH, STEPS], repeats=3) == block * 3


@pytest.mark.parametrize(
    "parameter",
    [
        Parameter(name="rate", kind="float", low=0.0, high=1.0),
        Parameter(name="units", kind="int", low=1, high=64, step=1, log=True),
        Parameter(name="momentum", kind="categorical", choices=(0.0, 0.9), when={"norm": (True,)}),
    ],
    ids=["continuous", "logarithmic", "conditional"],
)
def test_what_has_no_list_of_values_in_every_trial_is_refused(parameter: Parameter) -> None:
    with pytest.raises(SpaceError, match=f"parameter '{parameter.name}' can't be part of a design"):
        design_of([SWITCH, parameter], repeats=2)
