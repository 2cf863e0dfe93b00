"""A trial in progress."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import optuna

from reports.stored import layout
from search.study.study import BASELINE, START
from search.trainings.active import ActiveTraining
from spaces.recipe import Recipe


@dataclass(kw_only=True)
class ActiveTrial(ActiveTraining):
    """A trial in progress."""

    trial: optuna.Trial


def active_trial(trial: optuna.Trial, *, recipe: Recipe | None, seed: int, epochs: int) -> ActiveTrial:
    """Return a trial that is about to be trained, once its parameters are chosen."""
    return ActiveTrial(
        trial=trial,
        number=trial.number,
        trial_number=trial.number,
        title=f"trial {trial.number}",
        place=layout.trial(trial.number),
        recipe=recipe,
        seed=seed,
        epochs=epochs,
        params=trial.params,
        baseline=trial.user_attrs.get(BASELINE),
        start=trial.user_attrs.get(START),
    )


def resumed_line(study: str, interrupted: Sequence[ActiveTrial], *, done: int, to_go: int) -> str:
    """Return "resuming 'x': 12 done, 2 interrupted (trials 12, 13 continue at epochs 3, 6), 28 to go"."""
    numbers = ", ".join(str(trial.number) for trial in interrupted)
    epochs = ", ".join(str(trial.checkpoint.epoch + 1 if trial.checkpoint else 1) for trial in interrupted)
    which = (
        f"trial {numbers} continues at epoch {epochs}"
        if len(interrupted) == 1
        else f"trials {numbers} continue at epochs {epochs}"
    )
    return f"resuming '{study}': {done} done, {len(interrupted)} interrupted ({which}), {to_go} to go"
