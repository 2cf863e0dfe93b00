"""The inputs of a training: images, or features of a frozen part that trials, workers and runs share."""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from objectives.features.store import NotKeptError, View, features_of
from objectives.messages import Examples, StudyData
from objectives.networks.assemble import assemble
from spaces.recipe import Augment, ImageShape, Recipe
from spaces.transfer import Transfer


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingInputs:
    """What a training is fed: the images; or, where a part of the network is frozen, that part's features."""

    head: Recipe | None = None
    """Of the head, where it alone is trained, on features; None: the whole network is trained, on images."""
    train: tuple[Examples, ...]
    """What epochs are trained on, in turn: the same images or features in each, or augmented views of them."""
    validation: Examples
    frozen_weights: int = 0
    """Weights below the head, where the head alone is trained."""
    note: str | None = None
    """For a transfer: whether features were shared, and if not, why."""

    @property
    def shape(self) -> ImageShape:
        """Shape of one image, or of one feature map."""
        height, width, channels = self.validation.images.shape[1:]
        return ImageShape(height=height, width=width, channels=channels)


def inputs_for(recipe: Recipe, data: StudyData, *, epochs: int, folder: Path) -> TrainingInputs:
    """Return what a recipe is trained on, with features of its frozen part computed if need be.

    Features are left out, and the note says so, where images are augmented in each epoch before the
    frozen part, where layers below the cut are trained too, or where the disk has no room.

    Args:
        recipe: any; only a transfer's has a frozen part.
        data: the study's.
        epochs: the most that will be trained; no more augmented views are made than that.
        folder: where features are kept.

    Raises:
        DataError: the weights of the frozen part are not available.
    """
    whole = TrainingInputs(train=(data.train,), validation=data.validation)
    network = recipe.network
    if not isinstance(network, Transfer):
        return whole
    if why := _why_not(recipe, network, data):
        return replace(whole, note=f"features were computed in each epoch: {why}")
    started = time.perf_counter()
    both = _both(data.train, data.validation)
    count = 0 if recipe.augment.is_off else min(recipe.views, epochs)
    views = [View(augment=recipe.augment, number=n + 1) for n in range(count)]
    try:
        plain = features_of(network, both, folder=folder)
        viewed = [features_of(network, data.train, folder=folder, view=view) for view in views]
    except (NotKeptError, OSError) as error:
        return replace(whole, note=f"features were computed in each epoch: {error}")
    computed = any(stored.computed for stored in (plain, *viewed))
    how = f"computed in {time.perf_counter() - started:.1f} s" if computed else "taken as computed before"
    of_views = f", of {len(views)} augmented views of each image," if views else ""
    unchanged = _rows_of(data.train, plain.features, both.indices)
    return TrainingInputs(
        head=replace(recipe, network=network.head, augment=Augment(), views=0),
        train=tuple(_as_stored(data.train, view.features) for view in viewed) or (unchanged,),
        validation=_rows_of(data.validation, plain.features, both.indices),
        frozen_weights=plain.weights,
        note=f"features of the frozen part{of_views} were {how}",
    )


def whole_network(recipe: Recipe, trained: keras.Model, *, images: ImageShape, classes: int) -> keras.Model:
    """Return the whole model of a recipe whose head was trained alone, on features.

    Args:
        recipe: of the whole.
        trained: takes features at the cut, gives probabilities (n, classes).
        images: what the whole takes.
        classes: how many it tells apart.
    """
    whole = assemble(recipe, images=images, classes=classes)
    for layer in trained.layers:
        if layer.weights:
            whole.get_layer(layer.name).set_weights(layer.get_weights())
    return whole


def _why_not(recipe: Recipe, network: Transfer, data: StudyData) -> str | None:
    if not recipe.augment.is_off and not recipe.views:
        return "images are augmented before the frozen part"
    if recipe.augment.mixup:
        return "mixup blends images before the frozen part"
    if recipe.unfreeze is not None:
        return f"layers below the cut are trained too, from epoch {recipe.unfreeze.epoch} on"
    if data.train.images is not data.validation.images:
        return "training and validation images lie in different arrays"
    return None


@functools.lru_cache(maxsize=2)
def _both(train: Examples, validation: Examples) -> Examples:
    """Return all examples in the order of their rows: a split by another seed then shares their features."""
    return replace(train, indices=np.union1d(train.indices, validation.indices).astype(np.int32))


def _as_stored(examples: Examples, features: NDArray[Any]) -> Examples:
    """Return examples with features that lie in their order in place of images."""
    return Examples(
        images=features,
        labels=examples.labels[examples.indices],
        indices=np.arange(len(examples), dtype=np.int32),
    )


def _rows_of(examples: Examples, features: NDArray[Any], rows: NDArray[np.int32]) -> Examples:
    """Return examples with features that lie in the order of `rows` in place of images."""
    return Examples(
        images=features,
        labels=examples.labels[rows],
        indices=np.searchsorted(rows, examples.indices).astype(np.int32),
    )
