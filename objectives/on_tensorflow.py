"""What TensorFlow does better than Keras alone; the one module that knows TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import tensorflow as tf
from tensorflow.python.framework import ops

if TYPE_CHECKING:
    import keras

    from objectives.batches import Batch, ShuffledBatches

LARGE = 1_000_000
"""Elements of a weight from which on its update is compiled."""


def dataset(batches: ShuffledBatches) -> tf.data.Dataset:
    """Return a dataset that gathers the batches anew each time it is iterated.

    Its elements are images (n, height, width, channels) of the batches' type and int32 labels (n,), with n left
    open so that a smaller last batch needs no second trace. tf.data's autotuner is off: destroying
    an iterator waits for that thread's sleep to end, which rounds epochs up to whole seconds.
    """

    def gathered(step: int) -> Batch:
        return batches[int(step)]

    def specified(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images, labels = tf.numpy_function(gathered, [step], (batches.image_type, tf.int32))
        return tf.ensure_shape(images, (None, *batches.image_shape)), tf.ensure_shape(labels, (None,))

    options = tf.data.Options()
    options.autotune.enabled = False
    options.threading.private_threadpool_size = 1
    return tf.data.Dataset.range(len(batches)).map(specified).prefetch(2).with_options(options)


def fuse_updates(optimizer: keras.optimizers.Optimizer) -> None:
    """Let an optimizer go over a large weight once a step instead of once an operation.

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
    """Let go of graphs that are traced and differentiated inside, once nothing else needs them.

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
