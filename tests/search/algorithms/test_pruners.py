"""Pruners by name."""

from __future__ import annotations

import pytest

from search.algorithms.pruners import PRUNERS, make_pruner
from spaces.errors import UnknownNameError


def test_every_pruner_by_name_is_another() -> None:
    made = [type(make_pruner(name, 8)) for name in PRUNERS]

    assert len(set(made)) == len(PRUNERS)


def test_an_unknown_pruner_is_refused_with_the_list() -> None:
    with pytest.raises(
        UnknownNameError, match=r"unknown pruner 'typo'\.\nPruners: curve, halving, hyperband, median, none"
    ):
        make_pruner("typo", 8)
