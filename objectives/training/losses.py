"""Loss functions: cross entropy, with smoothed labels and weighted classes."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from spaces.recipe import Recipe


class Crossentropy(keras.losses.Loss):  # type: ignore[misc]  # Keras has no types
    """Cross entropy for class indices (n,) or shares of classes (n, classes).

    Labels may be smoothed (Szegedy et al. 2016), and each example weighted as its class is: one of
    several classes by their mean weight, each counted by its share.
    """

    def __init__(self, *, smoothing: float = 0.0, weights: NDArray[np.float32] | None = None) -> None:
        super().__init__(name="crossentropy")
        self.smoothing = smoothing
        self.weights = weights

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each example (n,)."""
        shares = y_true if len(y_true.shape) == 2 else ops.one_hot(ops.cast(y_true, "int32"), y_pred.shape[-1])
        losses = keras.losses.categorical_crossentropy(shares, y_pred, label_smoothing=self.smoothing)
        return losses if self.weights is None else losses * ops.sum(shares * self.weights, axis=-1)


def loss_of(recipe: Recipe, labels: NDArray[np.int32], *, classes: int) -> keras.losses.Loss:
    """Return the loss that a recipe asks for.

    With one sigmoid unit, whose two probabilities sum to 1, this is binary cross entropy.

    Args:
        recipe: what is trained.
        labels: (n,) the classes of the training images, for their weights.
        classes: how many classes there are.
    """
    fit = recipe.fit
    weights = class_weights(fit.class_weights, labels, classes=classes)
    if fit.label_smoothing or weights is not None or recipe.augment.mixup:
        return Crossentropy(smoothing=fit.label_smoothing, weights=weights)
    return keras.losses.SparseCategoricalCrossentropy()


def class_weights(kind: str, labels: NDArray[np.int32], *, classes: int) -> NDArray[np.float32] | None:
    """Return the weight of each class (classes,); None where all examples count the same.

    "balanced" is n / (classes * images of the class), as scikit-learn's, so that each class counts the
    same in all; "sqrt" is proportional to its square root. The mean over all examples is 1 (for
    "balanced": where no class is empty), so that a learning rate keeps its meaning.
    """
    if kind == "none":
        return None
    counts = np.bincount(labels, minlength=classes)
    weights = len(labels) / (classes * np.maximum(counts, 1))
    if kind == "sqrt":
        weights = np.sqrt(weights)
        weights *= len(labels) / np.sum(weights * counts)
    return weights.astype(np.float32)
