"""Pretrained networks, cut where a recipe says, with weights that are checked before they are read."""

from __future__ import annotations

import hashlib
import math
import random
import re
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import keras
from filelock import FileLock
from keras import layers, ops

from objectives.data.directories import DataDirectories, keras_folder
from objectives.evaluation.inspection import leaves
from spaces.backbones import EXPORTED, IMAGENET, NONE, Backbone, Cut
from spaces.errors import DataError, first_line
from spaces.transfer import Transfer

Tensor: TypeAlias = keras.KerasTensor


def load_cut(network: Transfer) -> keras.Model:
    """Return the pretrained network from what `preprocessed` gives to the feature map at its cut.

    All of it is frozen and drops nothing. Nothing random that a training draws later depends on it.

    Raises:
        DataError: the weights are not available or not those of the recipe, or there is no such cut.
    """
    drawn = random.getstate()  # Keras draws the seeds of initialisers and dropouts from here
    random.seed(0)  # "random" weights are the same in every trial, so that features can be shared
    try:
        backbone = network.backbone
        exported = backbone.name == EXPORTED
        whole = _exported(backbone) if exported else _application(backbone, backbone.side(network.side or 1))
    finally:
        random.setstate(drawn)
    cut = keras.Model(whole.input, _output_at(whole, network.cut), name="backbone")
    cut.trainable = False
    for layer in leaves(cut):
        if isinstance(layer, layers.Dropout | layers.AlphaDropout | layers.GaussianDropout):
            layer.rate = 0.0  # Keras 3.15 would drop while training, even from a network called with training=False
    return cut


def preprocessed(pixels: Tensor, name: str) -> Tensor:
    """Return pixels, 0 to 255, as a network of that name was trained on them: its `preprocess_input`, as layers."""
    if name == "VGG16":
        centred = layers.Rescaling(1.0, offset=[-123.68, -116.779, -103.939], name="centred")(pixels)
        return ops.flip(centred, axis=-1)  # blue, green, red
    if name in ("InceptionV3", "ResNet50V2", "MobileNetV2"):
        return layers.Rescaling(1 / 127.5, offset=-1.0, name="symmetric")(pixels)
    return pixels  # the others, and exported models, bring it along


def _application(backbone: Backbone, side: int) -> keras.Model:
    build = getattr(keras.applications, backbone.name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the weights were trained at another size
        if backbone.weights == NONE:
            return build(include_top=False, weights=None, input_shape=(side, side, 3))
        if backbone.weights == IMAGENET:
            with _downloading(backbone.name):
                return build(include_top=False, weights="imagenet", input_shape=(side, side, 3))
        with _checked_copy(backbone) as file:
            try:
                return build(include_top=False, weights=str(file), input_shape=(side, side, 3))
            except (ValueError, KeyError, OSError) as error:
                raise DataError(
                    f"{backbone.weights} does not fit {backbone.name} without its top: {first_line(error, most=150)}"
                ) from error


def _exported(backbone: Backbone) -> keras.Model:
    with _checked_copy(backbone) as file:
        try:
            whole = keras.saving.load_model(file, compile=False, safe_mode=True)
        except (ValueError, TypeError, OSError) as error:
            raise DataError(
                f"{backbone.weights} can't be read as a Keras model: {first_line(error, most=150)}"
            ) from error
    shape = getattr(whole, "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 4 or None in shape[1:]:
        raise DataError(f"{backbone.weights} takes {shape}: expected a model that takes images of one size")
    return whole


@contextmanager
def _downloading(name: str) -> Iterator[None]:
    """Let one process at a time download, and raise an error that says what to do without a network."""
    lock = DataDirectories.from_environment().cache / f"{name}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(lock):
            yield
    except Exception as error:  # Keras raises no narrower one
        found = re.search(r"URL fetch failure on \S*?([^/\s]+): ", str(error))
        if found is None:
            raise
        raise DataError(
            f"the ImageNet weights of {name} can't be downloaded: {found.group(1)}\n"
            f"Put that file into {keras_folder() / 'models'}, or start from one of yours: "
            "--backbone NAME:WEIGHTS.h5 or --backbone MODEL.keras"
        ) from error


@contextmanager
def _checked_copy(backbone: Backbone) -> Iterator[Path]:
    """Yield a copy of the weights' file whose content is that of the recipe."""
    try:
        content = Path(backbone.weights).read_bytes()
    except OSError as error:
        raise DataError(
            f"backbone {backbone.weights} can't be read: {error.strerror}; each worker needs it under this name"
        ) from error
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if digest != backbone.digest:
        raise DataError(
            f"backbone {backbone.weights} has changed: {digest[:19]} instead of {(backbone.digest or '')[:19]}"
        )
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, Path(backbone.weights).name)
        copy.write_bytes(content)
        yield copy


def _output_at(whole: keras.Model, cut: Cut) -> Tensor:
    if isinstance(cut, str):
        try:
            output = whole.get_layer(cut).output
        except ValueError:
            names = [name for name, _ in _places(whole)]
            raise DataError(f"no layer '{cut}' in {whole.name}: expected {', '.join(names)}") from None
        if len(output.shape) != 4:
            raise DataError(f"layer '{cut}' of {whole.name} gives {output.shape[1:]}: expected one that gives maps")
        return output
    places = _places(whole)
    if not places:
        raise DataError(f"{whole.name} has no layer that gives feature maps")
    return places[max(0, math.ceil(cut * len(places) - 1e-6) - 1)][1]


def _places(whole: keras.Model) -> list[tuple[str, Tensor]]:
    """Return where a network can be cut in two, in order: one feature map there, and weights before it."""
    order = {id(operation): place for place, operation in enumerate(whole.operations)}
    reaches = [0] * len(order)  # the last operation that reads from this one
    for place, operation in enumerate(whole.operations):
        for source in _sources(operation, order):
            reaches[source] = place
    places: list[tuple[str, Tensor]] = []
    farthest, has_weights = 0, False
    for place, operation in enumerate(whole.operations):
        has_weights = has_weights or bool(getattr(operation, "weights", ()))
        output = operation.output
        if farthest <= place and has_weights and isinstance(output, keras.KerasTensor) and len(output.shape) == 4:
            places.append((operation.name, output))
        farthest = max(farthest, reaches[place])
    return places


def _sources(operation: Any, order: dict[int, int]) -> list[int]:
    tensors = [tensor for node in operation._inbound_nodes for tensor in node.input_tensors]
    found = [id(tensor._keras_history.operation) for tensor in tensors]
    return [order[one] for one in found if one in order]
