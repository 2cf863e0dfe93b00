"""Batch norm's running averages, freed of the values that they begin with."""

from __future__ import annotations

import keras
import numpy as np

from objectives.training.keras_state import copies

_rounding = 1e-4
"""Variances of 0 may come out this far below it."""


class RunningAverages:
    """The running means and variances of a network's batch norms.

    Keras begins them at 0 and 1. After k steps of momentum m, m^k of that is left: 15 % after the 18 steps of an epoch
    of digits at 0.9, in each layer, and what a few such layers leave of a signal classifies like chance. Taking it out
    once (as Adam does with its moments, Kingma and Ba 2015) makes them averages of batches, which later steps keep.
    """

    def __init__(self, network: keras.Model) -> None:
        """Note the values that the averages of a fresh network begin with."""
        inner = network._flatten_layers(include_self=False)  # `layers` leaves out those inside a user's own layer
        self._norms = [layer for layer in inner if isinstance(layer, keras.layers.BatchNormalization)]
        self._initial = [copies(_averages(norm)) for norm in self._norms]

    def take_out_initial_values(self, *, steps: int) -> None:
        """Correct the averages after the first `steps` training steps; those that no step has changed stay.

        A norm that a step calls more than once, whose initial values fade faster, stays as it is where that shows: its
        variances would be negative.
        """
        for norm, initial in zip(self._norms, self._initial, strict=True):
            left = norm.momentum**steps
            now = copies(_averages(norm))
            if left >= 1.0 or all(np.array_equal(*both) for both in zip(now, initial, strict=True)):
                continue
            mean, variance = ((n - left * began) / (1.0 - left) for n, began in zip(now, initial, strict=True))
            if variance.min() >= -_rounding:
                norm.moving_mean.assign(mean)
                norm.moving_variance.assign(np.maximum(variance, 0.0))


def _averages(norm: keras.layers.BatchNormalization) -> list[keras.Variable]:
    return [norm.moving_mean, norm.moving_variance]
