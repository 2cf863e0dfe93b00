"""A dataset that comes as arrays, at the size asked for."""

from __future__ import annotations

import dataclasses

import numpy as np

from objectives.data.directories import DataDirectories
from objectives.data.images.decoding import Resize
from objectives.data.images.pixels import resized
from objectives.data.records import Dataset
from objectives.data.sources.finding import ArraySource
from objectives.data.splitting import hold_out_test
from objectives.data.store import fingerprint, stamp, stored
from spaces.errors import DataError


def load_arrays(
    source: ArraySource, directories: DataDirectories, *, image_size: int | None, resize: Resize
) -> Dataset:
    """Return the dataset of `source`, kept for the next time unless it is bundled.

    Raises:
        DataError: a single class, or images that can't be read.
        StorageError: no room for the images.
    """

    def build() -> Dataset:
        return _dataset(source, image_size=image_size, resize=resize)

    if not source.files:
        dataset = build()
        return dataclasses.replace(dataset, fingerprint=fingerprint(dataset))
    identity = "\n".join([f"arrays {source.name} {image_size} {resize}", *map(stamp, source.files)])
    return stored(directories.decoded, name=source.name, identity=identity, build=lambda _: build())


def _dataset(source: ArraySource, *, image_size: int | None, resize: Resize) -> Dataset:
    arrays = source.read()
    if len(arrays.classes) < 2:
        raise DataError(f"{source.name} has a single class; two or more are needed")
    images, labels = arrays.images, arrays.labels
    if arrays.test is not None:
        test_images, test_labels = arrays.test
    else:
        held = hold_out_test(labels)
        test_images, test_labels = images[held], labels[held]
        images, labels = np.delete(images, held, axis=0), np.delete(labels, held)
    height, width = (image_size, image_size) if image_size else images.shape[1:3]
    return Dataset(
        name=source.name,
        classes=arrays.classes,
        images=resized(images, height=height, width=width, resize=resize),
        labels=labels,
        given_validation=None,
        test_images=resized(test_images, height=height, width=width, resize=resize),
        test_labels=test_labels,
        fingerprint="",  # is taken when it is stored
    )
