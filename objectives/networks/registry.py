"""Where a network's builder is found: by the type of its description."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from spaces.errors import SpaceError
from spaces.recipe import Network

if TYPE_CHECKING:
    import keras


NORM_MOMENTUM = 0.9
"""Of batch norm's running mean and variance. Keras' 0.99 lags hundreds of steps behind: after an epoch on a
small dataset, validation would measure another network than the one in training."""


@functools.singledispatch
def build(network: Network, images: keras.KerasTensor) -> keras.KerasTensor:
    """Apply the network that a description stands for to symbolic images.

    Register a builder for an own network with `@build.register(MyNetwork)`; import Keras inside it,
    so that reading the space stays fast.

    Args:
        network: the description, from a recipe.
        images: symbolic float32 tensor (n, height, width, channels), scaled as `Recipe.pixels` says.

    Returns:
        Symbolic float32 features (n, units). The output layer, one unit a class, is added by the trainer.
    """
    raise SpaceError(
        f"no builder for a network of type {type(network).__name__}; "
        f"write one and decorate it with @build.register({type(network).__name__})"
    )
