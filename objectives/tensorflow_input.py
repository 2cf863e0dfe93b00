"""Batches as a tf.data dataset: the one module that knows TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

if TYPE_CHECKING:
    from objectives.batches import Batch, ShuffledBatches


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
