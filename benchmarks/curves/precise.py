"""A training that is also measured with recomputed statistics of its batch norms (Wu and Johnson 2021)."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.curves.measuring import MeasuredTraining, data_of
from benchmarks.curves.plan import planned
from objectives.training.failures import TrainingError
from objectives.training.keras_state import assign, copies


class PreciseTraining(MeasuredTraining):
    """A training that can also be measured with statistics of a few batches under its present weights."""

    _forwards: dict[bool, Any] | None = None

    def precise(self, *, batches: int, augments: bool) -> tuple[float, float]:
        """Return the validation accuracy with statistics of so many training batches, and the processor time of those.

        The training stays as it was.

        Args:
            batches: so many, of the epoch trained last.
            augments: whether images are changed as in training.
        """
        begun = time.process_time()
        network, model, norms = self._compiled.network, self._compiled.model, self._averages.norms
        self._forwards = self._forwards or {
            True: tf.function(lambda images: model(images, training=True)),
            False: tf.function(lambda images: network(images, training=True)),
        }
        variables = {id(variable): variable for variable in (*network.variables, *model.variables)}  # random states too
        kept = copies([*variables.values()])
        momenta = [norm.momentum for norm in norms]
        seen = []
        try:
            for norm in norms:
                norm.momentum = 0.0  # the averages are then those of the last batch
            for step in range(min(batches, len(self._batches))):
                self._forwards[augments](tf.constant(self._batches[step][0]))
                seen.append([(norm.moving_mean.numpy(), norm.moving_variance.numpy()) for norm in norms])
            for norm, statistics in zip(norms, zip(*seen, strict=True), strict=True):
                means, variances = (np.array(values) for values in zip(*statistics, strict=True))
                norm.moving_mean.assign(means.mean(axis=0))
                norm.moving_variance.assign((variances + means**2).mean(axis=0) - means.mean(axis=0) ** 2)
            seconds = time.process_time() - begun
            return self.accuracy(), seconds
        finally:
            for norm, momentum in zip(norms, momenta, strict=True):
                norm.momentum = momentum
            assign([*variables.values()], kept)


def epochs_of(number: int, *, batches: int) -> list[dict[str, float]]:
    """Train one of `plan.planned()`; return its scores and processor times by epoch, none where it failed."""
    plan = planned()[number]
    epochs = []
    try:
        training = PreciseTraining(recipe=plan.recipe, data=data_of(plan.data), epochs=plan.epochs, seed=plan.seed)
        for _ in range(plan.epochs):
            begun = time.process_time()
            corrected = training.advance().score
            seconds = time.process_time() - begun
            precise, recomputing_seconds = training.precise(batches=batches, augments=False)
            epochs.append(
                {
                    "plain": training.plain_accuracy(),
                    "corrected": corrected,
                    "precise": precise,
                    "precise_augmented": training.precise(batches=batches, augments=True)[0],
                    "seconds": seconds,
                    "correcting_seconds": training.correction_seconds,
                    "recomputing_seconds": recomputing_seconds,
                }
            )
    except TrainingError:
        return []
    return epochs
