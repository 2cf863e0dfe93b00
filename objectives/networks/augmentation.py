"""Random changes to training images, inside the compiled training step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from objectives.networks.mixup import Mixup, MixupModel
from spaces.recipe import Augment

_white = 255.0  # the network takes pixels as they are stored


def augmented(network: keras.Model, augment: Augment) -> keras.Model:
    """Return a model that shares the network's weights and changes its images while training.

    Outside training, and where augmentation is off, it computes exactly what the network does.
    With mixup it also returns each image's share in the blend, and blends the labels itself.
    """
    if augment.is_off:
        return keras.Model(network.inputs, network.outputs, name="training")
    images = keras.Input(network.input_shape[1:], name="images")
    changed = images
    for change in _changes(augment):
        changed = change(changed)
    if not augment.mixup:
        return keras.Model(images, network(changed), name="training")
    blends, shares = Mixup(augment)(changed)
    return MixupModel(images, [network(blends), shares], name="training")


def kinds(augment: Augment) -> dict[str, Any]:
    """Return what an `augmented` model fixes: all of an augmentation but its strengths."""
    return {
        "changes": [change.__name__ for change in _types_of_change(augment)],
        "flips": [augment.flip_horizontal, augment.flip_vertical],
        "fill": augment.fill,
        "mixup": augment.mixup > 0.0,
    }


def reset(model: keras.Model, augment: Augment) -> None:
    """Set the strengths of another augmentation of the same kinds, and new random seeds."""
    for layer in model.layers:
        if isinstance(layer, RandomChange | Mixup):
            layer.take(augment)
            layer.seeds.state.assign(keras.random.SeedGenerator().state.numpy())


def view(images: NDArray[np.uint8], augment: Augment, *, seed: int) -> NDArray[np.float32]:
    """Return images (n, height, width, channels) augmented once; the seed decides by how much each.

    Mixup is left out: it changes labels too.
    """
    changed = images.astype(np.float32)
    for change in _changes(augment, seed=seed):
        changed = ops.convert_to_numpy(change(changed, training=True))
    return changed


def _changes(augment: Augment, *, seed: int | None = None) -> Iterator[RandomChange]:
    """Yield the layers; each has its own random seed, counted from `seed`, or one that Keras draws."""
    for number, change in enumerate(_types_of_change(augment)):
        yield change(augment, seed=None if seed is None else seed + number)


def _types_of_change(augment: Augment) -> Iterator[type[RandomWarp | RandomLight | Cutout]]:
    if (
        augment.flip_horizontal
        or augment.flip_vertical
        or max(augment.shift, augment.rotation_degrees, augment.zoom, augment.shear) > 0.0
    ):
        yield RandomWarp
    if augment.brightness or augment.contrast:
        yield RandomLight
    if augment.cutout:
        yield Cutout


class RandomChange(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Changes images (n, height, width, channels) of pixels 0 to 255, only while training."""

    def __init__(self, name: str, augment: Augment, *, seed: int | None = None) -> None:
        super().__init__(name=name)
        self.seeds = keras.random.SeedGenerator(seed)  # None: seeded by keras.utils.set_random_seed
        strengths = self._strengths_in(augment)
        self.strengths = self.add_weight(
            shape=(len(strengths),), initializer="zeros", trainable=False, name="strengths"
        )
        self.take(augment)

    def take(self, augment: Augment) -> None:
        """Take the strengths of an augmentation; a compiled model stays compiled."""
        self.strengths.assign(self._strengths_in(augment))

    def call(self, images: Any, training: bool = False) -> Any:  # noqa: FBT001  # Keras' signature
        """Return the images, changed where training."""
        return self._changed(images) if training else images

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the images' shape, which stays."""
        return input_shape

    def _strengths_in(self, augment: Augment) -> list[float]:
        raise NotImplementedError

    def _changed(self, images: Any) -> Any:
        raise NotImplementedError

    def _drawn(self, amounts: int, images: Any) -> Any:
        """Return (amounts, n) numbers between -1 and 1."""
        return keras.random.uniform((amounts, ops.shape(images)[0]), -1.0, 1.0, seed=self.seeds)


class RandomWarp(RandomChange):
    """Flips, shifts, rotates, zooms and shears each training image by amounts of its own, about its centre.

    Keras' own layers do one change each; here they are one affine map, so an image is interpolated
    once instead of once a change, and the step stays compiled on JAX. Shifts are whole pixels (He et al.
    2016): those between pixels would blur every training image, and no validation image.
    """

    def __init__(self, augment: Augment, *, seed: int | None = None) -> None:
        super().__init__("augmentation_warp", augment, seed=seed)
        self.fill = augment.fill
        self.flips = augment.flip_horizontal, augment.flip_vertical
        self.supports_jit = keras.backend.backend() != "tensorflow"  # XLA there lacks the warp

    def _strengths_in(self, augment: Augment) -> list[float]:
        return [math.radians(augment.rotation_degrees), augment.zoom, augment.shift, augment.shear]

    def _changed(self, images: Any) -> Any:
        return ops.image.affine_transform(
            images,
            self._maps(images),
            interpolation="bilinear",
            fill_mode=self.fill,
            data_format="channels_last",
        )

    def _maps(self, images: Any) -> Any:
        """Return (n, 8): for each image the map from a pixel of the result to one of the image."""
        height, width = images.shape[1:3]
        drawn = self._drawn(7, images)
        most_angle, most_zoom, most_shift, most_shear = ops.unstack(ops.convert_to_tensor(self.strengths))
        flips_horizontal, flips_vertical = self.flips
        angle = drawn[0] * most_angle
        zoom = 1.0 + drawn[1] * most_zoom
        right = _whole(drawn[2], most_shift * width)
        down = _whole(drawn[3], most_shift * height)
        mirror = _signs(drawn[4]) if flips_horizontal else 1.0
        upset = _signs(drawn[5]) if flips_vertical else 1.0
        slant = drawn[6] * most_shear
        cosine, sine = ops.cos(angle) * zoom, ops.sin(angle) * zoom
        x_of_x, x_of_y = cosine * mirror, (cosine * slant - sine) * upset
        y_of_x, y_of_y = sine * mirror, (sine * slant + cosine) * upset
        middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
        start_x = middle_x - x_of_x * middle_x - x_of_y * middle_y + right
        start_y = middle_y - y_of_x * middle_x - y_of_y * middle_y + down
        none = ops.zeros_like(zoom)
        return ops.stack([x_of_x, x_of_y, start_x, y_of_x, y_of_y, start_y, none, none], axis=1)


class RandomLight(RandomChange):
    """Makes each training image brighter or darker, and its contrast higher or lower; pixels stay within 0 to 255."""

    def __init__(self, augment: Augment, *, seed: int | None = None) -> None:
        super().__init__("augmentation_light", augment, seed=seed)

    def _strengths_in(self, augment: Augment) -> list[float]:
        return [augment.contrast, augment.brightness * _white]

    def _changed(self, images: Any) -> Any:
        drawn = self._drawn(2, images)[:, :, None, None, None]
        mean = ops.mean(images, axis=(1, 2), keepdims=True)
        most_contrast, most_brightness = ops.unstack(ops.convert_to_tensor(self.strengths))
        stretched = (images - mean) * (1.0 + drawn[0] * most_contrast) + mean
        return ops.clip(stretched + drawn[1] * most_brightness, 0.0, _white)


class Cutout(RandomChange):
    """Hides a square of each training image under the image's mean colour (DeVries and Taylor 2017).

    Its centre is anywhere in the image, so that part of it may lie outside.
    """

    def __init__(self, augment: Augment, *, seed: int | None = None) -> None:
        super().__init__("augmentation_cutout", augment, seed=seed)

    def _strengths_in(self, augment: Augment) -> list[float]:
        return [augment.cutout]

    def _changed(self, images: Any) -> Any:
        height, width = images.shape[1:3]
        reach = ops.convert_to_tensor(self.strengths)[0] * (min(height, width) / 2)
        drawn = self._drawn(2, images)[:, :, None]
        rows = ops.abs(ops.arange(height, dtype="float32") - (height - 1) / 2 - drawn[0] * height / 2) < reach
        columns = ops.abs(ops.arange(width, dtype="float32") - (width - 1) / 2 - drawn[1] * width / 2) < reach
        hidden = ops.logical_and(rows[:, :, None, None], columns[:, None, :, None])
        return ops.where(hidden, ops.mean(images, axis=(1, 2), keepdims=True), images)


def _whole(drawn: Any, most: Any) -> Any:
    """Return whole numbers, each as likely, from -most to most."""
    last = ops.floor(most)
    return ops.clip(ops.round(drawn * (last + 0.5)), -last, last)


def _signs(drawn: Any) -> Any:
    return ops.where(drawn < 0.0, -1.0, 1.0)
