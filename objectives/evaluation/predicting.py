"""Predictions of a network, in large batches of one size, so that nothing is traced twice."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import keras
import numpy as np
from numpy.typing import NDArray

from objectives.evaluation import inspection
from objectives.messages import Examples, Predictions, WinnerMeasured

_pixels_at_once = 2**18  # 256 images of 32x32: larger batches leave a processor's caches, smaller ones a GPU idle
_images_at_once = 1024


def load_model(model: bytes) -> keras.Model:
    """Return a saved `.keras` model.

    Load only models of this run: Keras' safe mode guards against code in the file, but not against
    everything that a forged file can do.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        path.write_bytes(model)
        return keras.saving.load_model(path, compile=False, safe_mode=True)


def averaged(models: Mapping[str, keras.Model], members: Sequence[str]) -> keras.Model:
    """Return one model that gives the mean of the probabilities of some others, and holds their weights.

    Args:
        models: by the name that each gets inside; they take images of one shape.
        members: names, each as often as its model counts.
    """
    for name, model in models.items():
        model.name = name  # those of a study have all the same
    images = keras.Input(next(iter(models.values())).input_shape[1:], name="images")
    found = {name: model(images) for name, model in models.items()}
    mean = keras.layers.Average(dtype="float32", name="probabilities")([found[name] for name in members])
    return keras.Model(images, mean, name="network")


def convert(model: bytes, path: Path, *, kind: Literal["onnx", "tf_saved_model"]) -> None:
    """Write a saved `.keras` model of this run in another format.

    Raises: whatever Keras' converters raise; ImportError where a package is missing.
    """
    loaded = load_model(model)
    loaded(np.zeros((1, *loaded.input_shape[1:]), np.float32))  # Keras converts only what was called once
    loaded.export(path, format=kind, verbose=False)


def predict(model: bytes, examples: Examples) -> Predictions:
    """Return the predictions of a saved `.keras` model of this run for some images."""
    return predictions_of(probabilities(load_model(model), examples), examples)


def measuring(model: bytes, examples: Examples) -> Iterator[int | WinnerMeasured]:
    """Yield the number of images predicted, after each batch; at last the predictions, layers and feature maps."""
    loaded = load_model(model)
    found: list[NDArray[np.float32]] = []
    for rows in outputs(loaded, examples):
        found.append(rows)
        yield sum(map(len, found))
    predictions = predictions_of(np.concatenate(found), examples)
    try:
        seen = inspection.look_inside(loaded, examples, predictions)
    except Exception:  # a user's own layers may not allow it, and the score must not be lost for a picture
        logging.getLogger(__name__).exception("the network could not be inspected")
        seen = None
    yield WinnerMeasured(predictions=predictions, inside=seen)


def predictions_of(found: NDArray[np.float32], examples: Examples) -> Predictions:
    """Return probabilities (n, classes) of some examples together with the truth."""
    return Predictions(probabilities=found, labels=examples.labels[examples.indices], images=examples.indices)


def probabilities(model: keras.Model, examples: Examples) -> NDArray[np.float32]:
    """Return class probabilities (n, classes) for examples, n at least 1, in their order."""
    return np.concatenate(list(outputs(model, examples)))


def outputs(model: keras.Model, examples: Examples) -> Iterator[NDArray[np.float32]]:
    """Yield what a model gives for examples, n at least 1, in their order: some batches of rows."""
    count = len(examples)
    at_once = _batch_size(count, _largest_image(model))
    for start in range(0, count, at_once):
        rows = np.arange(start, start + at_once).clip(max=count - 1)  # the last batch repeats its last image
        found = model.predict_on_batch(examples.images[examples.indices[rows]])
        yield found[: count - start].astype(np.float32, copy=False)


def _batch_size(count: int, pixels: int) -> int:
    """Return the largest batch whose feature maps fit, evened out so that little is padded."""
    most = max(1, min(_images_at_once, _pixels_at_once // pixels))
    batches = -(-count // most)
    return -(-count // batches)


def _largest_image(model: keras.Model) -> int:
    """Return the pixels of an image as the model takes it, or as it resizes it."""
    sides = [model.input_shape[1:3]]
    sides += [layer.output.shape[1:3] for layer in inspection.leaves(model) if isinstance(layer, keras.layers.Resizing)]
    return max(int(height * width) for height, width in sides)
