"""Optimizers and learning-rate schedules."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from spaces.recipe import Fit


class Schedule(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # Keras has no types
    """A learning rate that rises linearly from zero to its peak, then follows a curve, step by step.

    The curves: "constant" stays; "cosine" falls to zero along half a cosine (Loshchilov and Hutter
    2017); "one_cycle" falls linearly to zero (Smith and Topin 2018); "step" falls to a tenth halfway
    and to a hundredth at three quarters (He et al. 2016).
    """

    def __init__(self, *, peak: float, curve: str, rise: float, steps: int) -> None:
        self.curve = curve
        self.shape = keras.Variable([0.0, 0.0, 0.0], dtype="float32", trainable=False, name="schedule")
        self.take(peak=peak, rise=rise, steps=steps)

    def take(self, *, peak: float, rise: float, steps: int) -> None:
        """Follow the curve from another peak or over other steps; a compiled model stays compiled."""
        self.peak = peak
        self.rise = rise
        self.steps = steps
        rising = round(steps * rise)
        self.shape.assign([peak, rising, steps - rising])

    def __call__(self, step: Any) -> Any:
        """Return the rate of a step, counted from 0."""
        peak, rising_steps, falling_steps = ops.unstack(ops.convert_to_tensor(self.shape))
        done = ops.cast(step, "float32")
        rising = (done + 1.0) / ops.maximum(1.0, rising_steps)
        fallen = ops.clip((done - rising_steps) / ops.maximum(1.0, falling_steps), 0.0, 1.0)
        if self.curve == "cosine":
            falling = 0.5 * (1.0 + ops.cos(math.pi * fallen))
        elif self.curve == "one_cycle":
            falling = 1.0 - fallen
        elif self.curve == "step":
            falling = ops.where(fallen < 0.5, 1.0, ops.where(fallen < 0.75, 0.1, 0.01))
        else:
            falling = ops.ones_like(fallen)
        return peak * ops.minimum(rising, falling)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make the same schedule."""
        return {"peak": self.peak, "curve": self.curve, "rise": self.rise, "steps": self.steps}


def optimizer_of(fit: Fit, *, steps: int, model: keras.Model) -> keras.optimizers.Optimizer:
    """Return a fresh optimizer.

    Args:
        fit: the recipe's part.
        steps: batches of the whole training, over which the schedule runs.
        model: what it will train; weight decay leaves its biases and norms (one-dimensional) alone.
    """
    rate: Schedule | float = fit.learning_rate
    if fit.has_schedule:
        rate = Schedule(peak=fit.learning_rate, curve=fit.schedule, rise=fit.rise, steps=steps)
    decay = fit.weight_decay or None
    optimizer: keras.optimizers.Optimizer
    if fit.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(rate, momentum=fit.momentum, nesterov=fit.momentum > 0, weight_decay=decay)
    elif fit.optimizer == "rmsprop":
        optimizer = keras.optimizers.RMSprop(rate, weight_decay=decay)
    elif fit.optimizer == "adamw":
        optimizer = keras.optimizers.AdamW(rate, weight_decay=fit.weight_decay)  # it takes no None
    else:
        optimizer = keras.optimizers.Adam(rate, weight_decay=decay)
    if decay:
        optimizer.exclude_from_weight_decay(var_list=[w for w in model.trainable_weights if len(w.shape) < 2])
        optimizer.weight_decay = keras.Variable(decay, trainable=False, name="weight_decay")
    if isinstance(rate, Schedule):
        optimizer.schedule_shape = rate.shape  # so that it is among the optimizer's variables
    if keras.backend.backend() == "tensorflow":
        from objectives.training import on_tensorflow

        on_tensorflow.fuse_updates(optimizer)
    return optimizer


def reset(optimizer: keras.optimizers.Optimizer, fit: Fit, *, steps: int) -> None:
    """Reset an optimizer to the state of a fresh one, with the rates of another `Fit` of the same kinds."""
    for variable in optimizer.variables:
        variable.assign(ops.zeros_like(variable))
    if isinstance(optimizer._learning_rate, Schedule):
        optimizer._learning_rate.take(peak=fit.learning_rate, rise=fit.rise, steps=steps)
    else:
        optimizer.learning_rate = fit.learning_rate
    if fit.weight_decay:
        optimizer.weight_decay.assign(fit.weight_decay)


def kinds(fit: Fit) -> dict[str, Any]:
    """Return what a compiled model fixes: all of a fit but its rates."""
    return {
        "optimizer": fit.optimizer,
        "momentum": fit.momentum,
        "schedule": fit.schedule if fit.has_schedule else None,
        "weight_decay": fit.weight_decay > 0.0,
        "label_smoothing": fit.label_smoothing,
        "class_weights": fit.class_weights,
    }
