"""Mixup: training on blends of two images and of their labels (Zhang et al. 2018)."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from spaces.recipe import Augment


class Mixup(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Blends each image of a batch with the one before it, while training.

    An image keeps the larger share, drawn from Beta(strength, strength), so that its own class stays
    the first of the two. Returns the images (n, height, width, channels) and the shares (n, 1).
    """

    def __init__(self, augment: Augment) -> None:
        super().__init__(name="augmentation_mixup")
        self.strength = self.add_weight(shape=(), initializer="zeros", trainable=False, name="strength")
        self.take(augment)
        self.seeds = keras.random.SeedGenerator()  # seeded by keras.utils.set_random_seed
        self.supports_jit = keras.backend.backend() != "tensorflow"  # XLA there lacks the gamma distribution

    def take(self, augment: Augment) -> None:
        """Take the strength of an augmentation; a compiled model stays compiled."""
        self.strength.assign(augment.mixup)

    def call(self, images: Any, training: bool = False) -> tuple[Any, Any]:  # noqa: FBT001  # Keras' signature
        """Return the images and each one's share in itself; 1 outside training."""
        if not training:
            return images, ops.ones_like(images[:, :1, 0, 0])
        strength = ops.convert_to_tensor(self.strength)
        drawn = keras.random.beta((ops.shape(images)[0], 1), strength, strength, seed=self.seeds)
        shares = ops.maximum(drawn, 1.0 - drawn)
        return blended(images, shares[:, :, None, None]), shares


class MixupModel(keras.Model):  # type: ignore[misc]  # Keras has no types
    """A model with two outputs, probabilities (n, classes) and shares (n, 1), which blends its labels by the shares."""

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: Any = True
    ) -> Any:
        """Return the loss for labels (n,) that are blended as the images were."""
        probabilities, shares = y_pred
        labels = blended(ops.one_hot(y, probabilities.shape[-1]), shares)
        return super().compute_loss(x, labels, probabilities, sample_weight, training)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the metrics, which count the class of an image's larger share as the true one."""
        return super().compute_metrics(x, y, y_pred[0], sample_weight)


def blended(rows: Any, shares: Any) -> Any:
    """Return each row's share of itself, and the rest of the row before it."""
    return shares * rows + (1.0 - shares) * ops.roll(rows, 1, axis=0)
