"""Stopping rules by name: the pruners of Tamiz, and the same with another first decision.

- `median`: a value of `--pruner`; as in every search, it stops no trial while its learning rate rises
- `median from 2`: stops no trial before its second epoch, whatever the rate does
- `median, one_cycle from 2`: the same for trials with that schedule alone; others are judged from their first epoch
"""

from __future__ import annotations

import re

import optuna

from search.algorithms.pruners import make_pruner

_late = re.compile(r"(?P<pruner>\w+)(, (?P<schedule>\w+))? from (?P<epoch>\d+)")


def is_late(name: str) -> bool:
    """Whether a rule has an epoch of its own from which it decides."""
    return _late.fullmatch(name) is not None


def make_rule(name: str, epochs: int) -> optuna.pruners.BasePruner:
    """Return the rule of that name for trials of `epochs` epochs; raises as `make_pruner` does."""
    late = _late.fullmatch(name)
    if late is None:
        return make_pruner(name, epochs)
    return _Late(make_pruner(late["pruner"], epochs), first=int(late["epoch"]), schedule=late["schedule"])


class _Late(optuna.pruners.BasePruner):
    """A pruner whose first decision comes after a later epoch, perhaps only for trials with one schedule."""

    def __init__(self, pruner: optuna.pruners.BasePruner, *, first: int, schedule: str | None) -> None:
        self._pruner = pruner
        self._first = first
        self._schedule = schedule

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        is_early = trial.last_step is not None and trial.last_step < self._first
        if is_early and self._schedule in (None, trial.params["schedule"]):
            return False
        return self._pruner.prune(study, trial)
