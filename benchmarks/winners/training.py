"""Searches, and trains what comes after."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.searches.searching import data_of, searched
from benchmarks.searches.table import Row, Table
from benchmarks.winners.answers import confirmed
from benchmarks.winners.plan import SAMPLER, Job, Plan, distinct, values_of
from benchmarks.winners.store import Trained, save
from objectives.evaluation import predicting
from objectives.messages import Examples, Objective, StudyData
from objectives.training import keras_state
from objectives.training.compiled import CompiledNetworks
from objectives.training.failures import TrainingError
from objectives.training.training import Training
from search.algorithms.samplers import derive_seed
from spaces.catalogue import find_space
from spaces.parameters import recipe_for
from spaces.recipe import Recipe

_momentum = 0.99
"""Of the moving average, as Keras' optimizers have it."""
_flips = ("fashion_mnist", "cifar10")


def search_and_train(plan: Plan, seed: int, earlier: Sequence[Row]) -> None:
    """Do what is lacking for one seed."""
    plan.place.mkdir(parents=True, exist_ok=True)
    trials = plan.trials_of(seed)
    if len(trials) < plan.trials:
        began = time.monotonic()
        trials = _known(plan, seed, earlier) or searched(plan.searches, seed, SAMPLER)
        with Table(plan.place / "searches.csv") as table:
            table.add(trials)
        print(f"seed {seed}: searched, best {distinct(trials)[0].score} {time.monotonic() - began:.0f} s", flush=True)
    compiled = {"train": CompiledNetworks(), "all": CompiledNetworks()}
    scores = {plan.again(trial).file: trial.score for trial in trials}
    jobs = plan.jobs(trials)
    for job in jobs:
        _do(plan, job, compiled, searched_score=scores.get(job.file))
    found = confirmed(plan, trials)
    if found is not None and not plan.is_only_optimism:
        _do(plan, plan.refit(found.trial), compiled, searched_score=None)
    print(f"seed {seed}: all trained", flush=True)


def _known(plan: Plan, seed: int, earlier: Sequence[Row]) -> list[Row]:
    """Return the first trials of an earlier search; none where it had fewer."""
    of = (plan.space, plan.data, seed, SAMPLER)
    trials = [row for row in earlier if (row.space, row.data, row.images_seed, row.sampler) == of]
    first = sorted(trials, key=lambda row: row.trial)[: plan.trials]
    return first if len(first) == plan.trials else []


def _do(plan: Plan, job: Job, compiled: dict[str, CompiledNetworks], *, searched_score: float | None) -> None:
    path = plan.place / job.file
    if path.exists():
        return
    began = time.monotonic()
    data, shape = data_of(plan.searches, job.images_seed)
    recipe = recipe_for(find_space(plan.space), values_of(job), images=shape, classes=len(data.classes))
    trained = _trained(recipe, data, job, compiled[job.part], flips=plan.data in _flips)
    save(trained, path)
    differs = searched_score is not None and abs(trained.score - searched_score) > 1e-9
    note = f", unlike the search's {searched_score:.4f}" if differs else ""
    print(f"{job.file}: {trained.score:.4f}{note} {time.monotonic() - began:.0f} s", flush=True)


class _Averaging(Training):
    """A training that also keeps a moving average of its trainable weights over all steps."""

    _moving: list[NDArray[Any]] | None = None

    def average(self) -> bool:
        """Take a step into the average; for `advance`, which asks after each step whether to halt: never."""
        now = keras_state.copies(self._compiled.network.trainable_weights)
        if self._moving is None:
            self._moving = [np.array(one) for one in now]
        for mean, one in zip(self._moving, now, strict=True):
            mean += (1 - _momentum) * (one - mean)
        return False

    def averaged(self, *parts: Examples) -> list[NDArray[np.float32]]:
        """Return what the network predicts with the average; running statistics are those of the last step."""
        assert self._moving is not None
        weights = self._compiled.network.trainable_weights
        last = keras_state.copies(weights)
        keras_state.assign(weights, self._moving)
        found = self.predicted(*parts)
        keras_state.assign(weights, last)
        return found

    def predicted(self, *parts: Examples) -> list[NDArray[np.float32]]:
        """Return what the network as it is predicts."""
        return [predicting.probabilities(self._compiled.network, part) for part in parts]


def _trained(recipe: Recipe, data: StudyData, job: Job, compiled: CompiledNetworks, *, flips: bool) -> Trained:
    """Train and predict; a training that fails is worth as much as chance."""
    assert data.test is not None
    nothing = np.zeros((0, len(data.classes)), np.float32)
    labels = {
        "validation_labels": data.validation.labels[data.validation.indices],
        "test_labels": data.test.labels[data.test.indices],
    }
    try:
        training = _Averaging(
            recipe=recipe,
            data=data,
            objective=Objective(metric="val_accuracy", epochs=job.epochs),
            seed=derive_seed(job.images_seed, job.number),
            compiled=compiled,
            part=job.part,
        )
        scores = [training.advance(is_halted=training.average).score for _ in range(job.epochs)]
        validation_averaged, test_averaged = training.averaged(data.validation, data.test)
        result = training.finish(keep_model=False)
        (test,) = training.predicted(data.test)
        flipped = replace(data.test, images=np.ascontiguousarray(data.test.images[:, :, ::-1]))
        return Trained(
            scores=np.array(scores),
            seconds=np.array(result.seconds_training),
            validation=result.predictions.probabilities,
            test=test,
            test_flipped=training.predicted(flipped)[0] if flips else nothing,
            validation_averaged=validation_averaged,
            test_averaged=test_averaged,
            **labels,
        )
    except TrainingError:
        compiled.forget()
        chance = [np.full((len(of), len(data.classes)), 1 / len(data.classes), np.float32) for of in labels.values()]
        return Trained(
            scores=np.zeros(0),
            seconds=np.array(0.0),
            validation=chance[0],
            test=chance[1],
            test_flipped=chance[1] if flips else nothing,
            validation_averaged=chance[0],
            test_averaged=chance[1],
            **labels,
        )
