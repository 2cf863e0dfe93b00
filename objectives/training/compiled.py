"""Networks compiled once: trainings that differ only in rates share one compiled step.

Tracing a step takes seconds, building a network a twentieth of that. So each training builds its
network, for the weights that its seed draws. Where a network of the same structure was compiled
before, those weights are copied into it, and learning rate, weight decay, dropout and strengths of
augmentation, which are variables, are set again. The results are the same to the last digit.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from objectives.evaluation.inspection import leaves
from objectives.networks import augmentation
from objectives.training import losses, optimizers
from objectives.training.steps import steps_of
from spaces.recipe import Recipe
from spaces.records import to_plain
from spaces.transfer import Transfer

_kept_most = 4
_weights_most = 20_000_000
"""Larger networks are not kept: their traces take little of a training, and their weights much memory."""
_own_modules = ("keras.", "objectives.")


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """What compiling a training takes besides its network and recipe."""

    steps: int
    """Batches from its first to its last epoch."""
    labels: NDArray[np.int32]
    """(n,) the classes of the training images."""
    classes: int


def compile_model(model: keras.Model, network: keras.Model, recipe: Recipe, plan: TrainingPlan) -> None:
    """Compile a model that trains a network, with a fresh optimizer.

    The optimizer is built here, since TensorFlow would trace a step that creates variables twice.
    """
    model.compile(
        optimizer=optimizers.optimizer_of(recipe.fit, steps=plan.steps, model=network),
        loss=losses.loss_of(recipe, plan.labels, classes=plan.classes),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    )
    model.optimizer.build(model.trainable_variables)


class Compiled:
    """A network, and the model that trains it."""

    def __init__(self, network: keras.Model, recipe: Recipe, plan: TrainingPlan) -> None:
        """Compile a fresh network, as `objectives.networks.assemble.assemble` gives it; it keeps its weights."""
        self.network = network
        shares = _can_share(recipe) and any(_drops(layer) for layer in network.layers)
        dropping = keras.models.clone_model(network, clone_function=_with_a_rate) if shares else network
        self._dropouts = [layer for layer in dropping.layers if isinstance(layer, RatedDropout)]
        self.model = augmentation.augmented(dropping, recipe.augment)
        self.recompile(recipe, plan)

    def recompile(self, recipe: Recipe, plan: TrainingPlan) -> None:
        """Compile the model again, after other weights have become trainable."""
        compile_model(self.model, self.network, recipe, plan)
        self.steps = steps_of(self.model)

    def reset(self, fresh: keras.Model, recipe: Recipe, plan: TrainingPlan) -> None:
        """Take the weights of a fresh network of the same structure, and the rates of its recipe."""
        for variable, value in zip(self.network.variables, fresh.variables, strict=True):
            variable.assign(value.numpy())  # a copy: JAX gives away what a step has changed
        dropouts = [layer for layer in fresh.layers if _drops(layer)]
        for dropout, other in zip(self._dropouts, dropouts, strict=True):
            dropout.take(other)
        augmentation.reset(self.model, recipe.augment)
        optimizers.reset(self.model.optimizer, recipe.fit, steps=plan.steps)


class CompiledNetworks:
    """The networks that a worker compiled last; those of one study, whose images and labels stay the same."""

    def __init__(self) -> None:
        self._kept: dict[str, Compiled] = {}  # the one used last is last

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, network: keras.Model, recipe: Recipe, plan: TrainingPlan) -> Compiled:
        """Return a compiled network with a fresh network's weights and its recipe's rates; for use until the next call.

        Args:
            network: fresh, as `objectives.networks.assemble.assemble` gives it.
            recipe: of that network.
            plan: of the training to come; its labels and classes are those of every call.
        """
        structure = _structure(network, recipe)
        compiled = None if structure is None else self._kept.pop(structure, None)
        if compiled is None:
            compiled = Compiled(network, recipe, plan)
        else:
            compiled.reset(network, recipe, plan)
        if structure is not None:
            self._kept[structure] = compiled
        while len(self._kept) > _kept_most:
            del self._kept[next(iter(self._kept))]
        return compiled

    def forget(self) -> None:
        """Forget all of them, as after an error, which may have left them in any state."""
        self._kept.clear()


class RatedDropout(layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Keras' dropout with a rate that is a variable."""

    def __init__(self, plain: layers.Dropout) -> None:
        """Take the name, rate and random seed of a layer of Keras that drops something."""
        super().__init__(name=plain.name)
        self.noise_shape = plain.noise_shape
        self.rate = self.add_weight(shape=(), initializer="zeros", trainable=False, name="rate")
        self.seeds = keras.random.SeedGenerator(0)
        self.take(plain)

    def take(self, plain: layers.Dropout) -> None:
        """Take the rate and the random seed of another layer."""
        self.rate.assign(plain.rate)
        self.seeds.state.assign(plain.seed_generator.state.numpy())

    def call(self, inputs: Any, training: bool = False) -> Any:  # noqa: FBT001  # Keras' signature
        """Return the inputs; while training, some of them as zeros and the rest larger."""
        if not training:
            return inputs
        shape = ops.shape(inputs)
        noise = self.noise_shape or [None] * len(shape)
        drawn = [size if given is None else given for size, given in zip(shape, noise, strict=True)]
        kept = keras.random.uniform(drawn, seed=self.seeds) >= self.rate
        return ops.where(kept, inputs * (1.0 / (1.0 - self.rate)), 0.0)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the inputs' shape, which stays."""
        return input_shape


def _with_a_rate(layer: layers.Layer) -> layers.Layer:
    return RatedDropout(layer) if _drops(layer) else layer


def _drops(layer: layers.Layer) -> bool:
    return type(layer) is layers.Dropout and layer.rate > 0.0


def _can_share(recipe: Recipe) -> bool:
    """Whether a network is small and trained as a whole: not one with a frozen part below it."""
    return not isinstance(recipe.network, Transfer)


def _structure(network: keras.Model, recipe: Recipe) -> str | None:
    """Return what two trainings must have in common to share a compiled step; None: nothing is shared."""
    if not _can_share(recipe) or network.count_params() > _weights_most:
        return None
    try:
        config = network.get_config()
    except (NotImplementedError, TypeError):  # a user's own layer without a config
        return None
    known = all(type(layer).__module__.startswith(_own_modules) for layer in leaves(network))
    for layer, described in zip(network.layers, config["layers"], strict=True):
        if type(layer) is layers.Dropout:
            described["config"]["rate"] = layer.rate > 0.0
    decides = {
        "network": config,
        # The config of a user's layer may leave out what its recipe has.
        "description": None if known else to_plain(recipe.network),
        "augment": augmentation.kinds(recipe.augment),
        "fit": optimizers.kinds(recipe.fit),
    }
    return json.dumps(decides, sort_keys=True, default=repr)
