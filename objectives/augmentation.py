"""Random changes to training images, inside the compiled training step."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from spaces.recipe import Augment


def augmented(network: keras.Model, augment: Augment) -> keras.Model:
    """Return a model that shares the network's weights and changes its images while training.

    Outside training, and where augmentation is off, it computes exactly what the network does.
    """
    if augment.is_off:
        return keras.Model(network.inputs, network.outputs, name="training")
    images = keras.Input(network.input_shape[1:], name="images")
    return keras.Model(images, network(RandomWarp(augment)(images)), name="training")


class RandomWarp(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Flips, shifts, rotates and zooms each training image by amounts of its own, about its centre.

    Keras' own layers do one change each; here they are one affine map, so an image is interpolated
    once instead of three times, and the step stays compiled on JAX. What comes in from beyond an
    edge repeats the edge. Images are (n, height, width, channels); outside training they pass.
    """

    def __init__(self, augment: Augment) -> None:
        super().__init__(name="augmentation")
        self.augment = augment
        self.seeds = keras.random.SeedGenerator()  # seeded by keras.utils.set_random_seed
        self.supports_jit = keras.backend.backend() != "tensorflow"  # XLA there lacks the warp

    def call(self, images: Any, training: bool = False) -> Any:  # noqa: FBT001  # Keras' signature
        """Return the images, changed where training."""
        if not training:
            return images
        return ops.image.affine_transform(
            images, self._maps(images), interpolation="bilinear", fill_mode="nearest", data_format="channels_last"
        )

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the images' shape, which stays."""
        return input_shape

    def _maps(self, images: Any) -> Any:
        """Return (n, 8): for each image the map from a pixel of the result to one of the image."""
        height, width = images.shape[1:3]
        drawn = keras.random.uniform((5, ops.shape(images)[0]), -1.0, 1.0, seed=self.seeds)
        angle = drawn[0] * math.radians(self.augment.rotation_degrees)
        zoom = 1.0 + drawn[1] * self.augment.zoom
        right = drawn[2] * self.augment.shift * width
        down = drawn[3] * self.augment.shift * height
        mirror = ops.where(drawn[4] < 0.0, -1.0, 1.0) if self.augment.flip_horizontal else ops.ones_like(zoom)
        cosine, sine = ops.cos(angle) * zoom, ops.sin(angle) * zoom
        x_of_x, x_of_y, y_of_x, y_of_y = cosine * mirror, -sine, sine * mirror, cosine
        middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
        start_x = middle_x - x_of_x * middle_x - x_of_y * middle_y + right
        start_y = middle_y - y_of_x * middle_x - y_of_y * middle_y + down
        none = ops.zeros_like(zoom)
        return ops.stack([x_of_x, x_of_y, start_x, y_of_x, y_of_y, start_y, none, none], axis=1)
