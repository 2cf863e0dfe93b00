"""Faster steps and less memory on TensorFlow; the only module that imports it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import tensorflow as tf
from tensorflow.python.framework import ops

if TYPE_CHECKING:
    import keras

    from objectives.training.batches import ShuffledBatches

LARGE = 1_000_000
"""Elements of a weight from which on its update is compiled."""


class TracedSteps:
    """`objectives.training.steps.Steps` with a step that is traced once and fed arrays.

    `fit` costs a millisecond a step more, for its iterator inside the graph and its callbacks, which is a third of the
    step of a small network; and it would sleep at the end of an epoch, when tf.data's autotuner is waited for.
    """

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self._step: Any = None

    def train(self, batches: ShuffledBatches, is_halted: Callable[[], bool]) -> dict[str, float] | None:
        """Take a step for each batch; a loss that is not finite is noticed during the next step."""
        self._step = self._step or self._traced(batches)
        self._model.reset_metrics()
        logs: dict[str, Any] = {}
        for images, labels in batches:
            before, logs = logs, self._step(images, labels)
            if is_halted():
                return None
            if before and not math.isfinite(before["loss"]):
                break
        return {name: float(value) for name, value in logs.items()}

    def _traced(self, batches: ShuffledBatches) -> Any:
        """Return Keras' own step, its number of images left open: a smaller last batch needs no second trace."""
        model = self._model

        @tf.function(  # type: ignore[untyped-decorator]
            input_signature=[
                tf.TensorSpec((None, *batches.image_shape), batches.image_type),
                tf.TensorSpec((None,), tf.int32),
            ],
            jit_compile=model.jit_compile,
            autograph=False,
        )
        def step(images: tf.Tensor, labels: tf.Tensor) -> dict[str, tf.Tensor]:
            logs: dict[str, tf.Tensor] = model.train_step((images, labels))
            return logs

        return step


def fuse_updates(optimizer: keras.optimizers.Optimizer) -> None:
    """Let an optimizer read and write a large weight once a step instead of once an operation.

    Adam has some ten operations, each of which reads and writes the memory of all weights: for a dense layer
    of 38 million that is most of a step on a processor. XLA compiles them into one loop; the rest of
    the step stays as it is. `python -m benchmarks.updates` measures what that leaves of a step.
    """
    if tf.config.list_logical_devices("GPU"):
        return
    update = optimizer.update_step

    def update_step(gradient: tf.Tensor, variable: tf.Variable, learning_rate: Any) -> None:
        if math.prod(variable.shape) < LARGE:
            update(gradient, variable, learning_rate)
            return

        @tf.function(jit_compile=True, autograph=False)  # type: ignore[untyped-decorator]
        def fused(given: tf.Tensor, rate: tf.Tensor) -> None:
            update(given, variable, rate)

        fused(gradient, learning_rate * 1.0)  # a tensor, whether it was one or Keras' variable

    optimizer.update_step = update_step


@contextmanager
def forgetting_gradients() -> Iterator[None]:
    """Release graphs that are traced and differentiated inside, once nothing else needs them.

    For each use of a `tf.custom_gradient` in a graph, TensorFlow registers a function by name, for ever, and that
    function holds the graph: a process would keep every network that it trained, with its weights and traces.
    Keras' optimizers use one in each training step, to sum gradients over devices, and `silu` is one. The
    names are looked up while a graph is differentiated, and not after.
    """
    before = {*ops.gradient_registry.list()}
    try:
        yield
    finally:
        for name in {*ops.gradient_registry.list()} - before:
            if name.startswith("CustomGradient-"):
                del ops.gradient_registry._registry[name]


def first_gpu() -> tuple[str, str | None] | None:
    """Return the name and the compute capability of the first GPU; None: TensorFlow sees none."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return None
    details = tf.config.experimental.get_device_details(gpus[0])
    capability = details.get("compute_capability")
    return str(details.get("device_name", "GPU")), capability and ".".join(map(str, capability))


def limit_memory(limit_bytes: int) -> None:
    """Let this process allocate no more on its GPU; before TensorFlow first uses it."""
    for gpu in tf.config.list_physical_devices("GPU"):
        limited = tf.config.LogicalDeviceConfiguration(memory_limit=limit_bytes // 2**20)
        tf.config.set_logical_device_configuration(gpu, [limited])
