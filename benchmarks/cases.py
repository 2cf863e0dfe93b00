"""What several benchmarks train: a digits-size network on digits, and the 2021 notebook's on noise of 32x32."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from objectives.data.directories import DataDirectories
from objectives.data.loading import load
from objectives.data.splitting import split
from objectives.messages import Examples, StudyData
from spaces.catalogue import find_space
from spaces.parameters import recipe_for
from spaces.recipe import ImageShape, Recipe

CLASSES = 10
CASES = {
    "digits": ("cifar_small", ImageShape(height=8, width=8, channels=1)),
    "notebook": ("cifar_notebook_2021", ImageShape(height=32, width=32, channels=3)),
}
"""Baselines of `cnn_cifar`, and the images that they see."""


def recipe_of(case: str) -> Recipe:
    """Return what is trained in one of `CASES`."""
    baseline, shape = CASES[case]
    space = find_space("cnn_cifar")
    return recipe_for(space, space.baselines[baseline], images=shape, classes=CLASSES)


def data_of(case: str, images: int = 0) -> StudyData:
    """Return all digits; or so many images of noise to train and a third more to validate."""
    if case != "digits":
        return noise(CASES[case][1], images=images)
    dataset = load("digits", directories=DataDirectories.from_environment())
    rows = split(dataset, seed=0)
    return _study_data(dataset.images, dataset.labels, rows.train, rows.validation)


def noise(shape: ImageShape, *, images: int) -> StudyData:
    """Return so many images of noise to train and a third more to validate."""
    count = images + images // 3
    pixels = np.random.default_rng(0).integers(
        0, 256, (count, shape.height, shape.width, shape.channels), dtype=np.uint8
    )
    train, validation = np.split(np.arange(count, dtype=np.int32), [images])
    return _study_data(pixels, np.arange(count, dtype=np.int32) % CLASSES, train, validation)


def _study_data(
    pixels: NDArray[np.uint8], labels: NDArray[np.int32], train: NDArray[np.int32], validation: NDArray[np.int32]
) -> StudyData:
    return StudyData(
        train=Examples(images=pixels, labels=labels, indices=train),
        validation=Examples(images=pixels, labels=labels, indices=validation),
        test=None,
        classes=tuple("0123456789"),
    )
