"""The networks of the task in plain Keras, as a person who uses another tool writes them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from benchmarks.peers.task import Configuration, Log


def build(configuration: Configuration) -> keras.Model:
    """Return a compiled network for images (n, 28, 28, 1) of pixels 0 to 255."""
    images = keras.Input((28, 28, 1))
    x = layers.Rescaling(1 / 255)(images)
    for stage in range(configuration.stages):
        x = layers.Conv2D(configuration.filters * 2**stage, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    if configuration.dense_units:
        x = layers.Dense(configuration.dense_units, activation="relu")(x)
    x = layers.Dropout(configuration.dropout)(x)
    model = keras.Model(images, layers.Dense(10, activation="softmax")(x))
    model.compile(
        keras.optimizers.Adam(configuration.learning_rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def data(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return training and validation images with their labels, as the benchmark stored them."""
    with np.load(path) as arrays:
        return {part: (arrays[f"{part}_images"], arrays[f"{part}_labels"]) for part in ("train", "validation")}


class Logged(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Notes each epoch's validation accuracy, and how long the epoch took."""

    def __init__(self, log: Log, trial: str) -> None:
        super().__init__()
        self._log = log
        self._trial = trial
        self._began = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Remember when."""
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Note it."""
        score = float((logs or {})["val_accuracy"])
        self._log.epoch(self._trial, epoch + 1, score, time.perf_counter() - self._began)
