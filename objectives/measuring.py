"""A network's predictions: in large batches of one size, so that nothing is traced twice."""

from __future__ import annotations

import tempfile
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from objectives.records import Examples, Predictions

_pixels_at_once = 2**18  # 256 images of 32x32: larger batches leave a processor's caches, smaller ones a GPU idle
_images_at_once = 1024


def predict(model: bytes, examples: Examples) -> Predictions:
    """Return what a saved `.keras` model says about some images.

    Load only models of the own run: Keras' safe mode guards against code in the file, not against
    everything that a forged file may do.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        path.write_bytes(model)
        loaded = keras.saving.load_model(path, compile=False, safe_mode=True)
    return predictions_of(probabilities(loaded, examples), examples)


def predictions_of(found: NDArray[np.float32], examples: Examples) -> Predictions:
    """Return probabilities (n, classes) of some examples together with the truth."""
    return Predictions(probabilities=found, labels=examples.labels[examples.indices], images=examples.indices)


def probabilities(model: keras.Model, examples: Examples) -> NDArray[np.float32]:
    """Return class probabilities (n, classes) for examples, n at least 1, in their order."""
    count = len(examples)
    at_once = _batch_size(count, *examples.images.shape[1:3])
    found = []
    for start in range(0, count, at_once):
        rows = np.arange(start, start + at_once).clip(max=count - 1)  # the last batch repeats its last image
        found.append(model.predict_on_batch(examples.images[examples.indices[rows]]))
    return np.concatenate(found)[:count].astype(np.float32, copy=False)


def _batch_size(count: int, height: int, width: int) -> int:
    """Return the largest batch whose feature maps fit, evened out so that little is padded."""
    most = max(1, min(_images_at_once, _pixels_at_once // (height * width)))
    batches = -(-count // most)
    return -(-count // batches)
