"""How the weights are found: optimizers, learning-rate schedules."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from spaces.recipe import Fit

_one_cycle_rise = 0.3  # fraction of the steps, where no warm-up says otherwise; fast.ai's default


class Schedule(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # Keras has no types
    """A learning rate that rises linearly from zero to its peak, then follows a curve, step by step.

    The curves: "constant" stays; "cosine" falls to zero along half a cosine (Loshchilov and Hutter
    2017); "one_cycle" falls linearly to zero and, where no warm-up is asked for, rises over 30 % of
    the steps (Smith and Topin 2018); "step" falls to a tenth halfway and to a hundredth at three
    quarters (He et al. 2016).
    """

    def __init__(self, *, peak: float, curve: str, warmup: float, steps: int) -> None:
        self.peak = peak
        self.curve = curve
        self.warmup = warmup
        self.steps = steps
        self.rising_steps = round(steps * (warmup or (_one_cycle_rise if curve == "one_cycle" else 0.0)))

    def __call__(self, step: Any) -> Any:
        """Return the rate of a step, counted from 0."""
        done = ops.cast(step, "float32")
        rising = (done + 1.0) / max(1, self.rising_steps)
        fallen = ops.clip((done - self.rising_steps) / max(1, self.steps - self.rising_steps), 0.0, 1.0)
        if self.curve == "cosine":
            falling = 0.5 * (1.0 + ops.cos(math.pi * fallen))
        elif self.curve == "one_cycle":
            falling = 1.0 - fallen
        elif self.curve == "step":
            falling = ops.where(fallen < 0.5, 1.0, ops.where(fallen < 0.75, 0.1, 0.01))
        else:
            falling = ops.ones_like(fallen)
        return self.peak * ops.minimum(rising, falling)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make the same schedule."""
        return {"peak": self.peak, "curve": self.curve, "warmup": self.warmup, "steps": self.steps}


def optimizer_of(fit: Fit, *, steps: int, model: keras.Model) -> keras.optimizers.Optimizer:
    """Return a fresh optimizer.

    Args:
        fit: the recipe's part.
        steps: batches of the whole training, over which the schedule runs.
        model: what it will train; weight decay leaves its biases and norms (one-dimensional) alone.
    """
    rate: Schedule | float = fit.learning_rate
    if fit.schedule != "constant" or fit.warmup:
        rate = Schedule(peak=fit.learning_rate, curve=fit.schedule, warmup=fit.warmup, steps=steps)
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
    if keras.backend.backend() == "tensorflow":
        from objectives import on_tensorflow

        on_tensorflow.fuse_updates(optimizer)
    return optimizer
