"""Loads a dataset by its name or path: `load`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from objectives.data.copies import ALLOWED, check_variety, copy_findings, group_numbers
from objectives.data.directories import DataDirectories
from objectives.data.folders.given import read_parts
from objectives.data.folders.index import ImageIndex
from objectives.data.from_files import load_files
from objectives.data.images.decoding import RESIZES, Resize
from objectives.data.images.pixels import Progress, resized
from objectives.data.images.ranges import PixelRange
from objectives.data.records import BadFile, Dataset
from objectives.data.sources.arrays import array_members
from objectives.data.sources.finding import ArraySource, Given, find
from objectives.data.splitting import hold_out_test
from objectives.data.store import fingerprint, stamp, stored
from spaces.errors import DataError, UnknownNameError, UsageError

LARGEST_SIZE = 1024
FILES_NAMED = 3
"""Bad files that an error names; `data check` lists all."""


def load(
    reference: str,
    *,
    directories: DataDirectories,
    image_size: int | None = None,
    resize: str = "stretch",
    skip_bad: bool = False,
    pixel_range: PixelRange | None = None,
    parts: Sequence[str] = (),
    allow: Sequence[str] = (),
    progress: Progress | None = None,
) -> Dataset:
    """Return a dataset by its name or path, decoded once and kept for the next time.

    Args:
        reference: "digits", "fashion_mnist", "mnist", "cifar10", "cifar100", the name of something
            in the data directory, or a path: a folder of images, a `.csv` that lists files and
            labels, or an `.npz` with x_train, y_train and perhaps validation and test arrays.
        directories: Where to look, and where to keep decoded images.
        image_size: Height and width in pixels; None: as they are for named datasets and arrays,
            64 for folders.
        resize: "stretch", "crop" or "pad".
        skip_bad: Leave out files that are not readable images and list them in `Dataset.bad_files`.
        pixel_range: The stored values that are black and white; None: found from all images.
        parts: "train=FOLDER", "val=FOLDER" or "test=FOLDER" each, where names do not say it: a folder inside
            the data, or the text in the split column of a CSV. Empty: found from the names.
        allow: "overlap": parts may share images; "conflicts": many images may have several labels.
        progress: Called now and then with the images decoded and all there are.

    Raises:
        UnknownNameError: neither a known name nor a path that exists.
        UsageError: a size, a way of resizing or a part that is not accepted.
        DataError: no usable data, or data that `allow` would have to accept.
        StorageError: no room for the decoded images.
    """
    if image_size is not None and not 1 <= image_size <= LARGEST_SIZE:
        raise UsageError(f"invalid --image-size {image_size}: expected 1 to {LARGEST_SIZE} pixels")
    if resize not in RESIZES:
        raise UnknownNameError("way to resize", resize, RESIZES, plural="ways to resize")
    source = find(reference, directories, given=Given(pixel_range=pixel_range, parts=read_parts(parts)))
    if isinstance(source, ArraySource):
        dataset = _load_arrays(source, directories, image_size=image_size, resize=resize)
        allow = allow if source.is_own else ALLOWED
    else:
        dataset = load_files(source, directories, image_size=image_size, resize=resize, progress=progress)
        if dataset.bad_files and not skip_bad:
            raise DataError(_bad_files_text(reference, dataset.bad_files, source.index))
    refused = [finding for finding in dataset.findings if finding.allow and finding.allow not in allow]
    if refused:
        options = " ".join(dict.fromkeys(f"--allow {finding.allow}" for finding in refused))
        texts = "\n".join(finding.text for finding in refused)
        raise DataError(
            f"{texts}\n`python -m search data check {reference}` lists more; to search all the same: {options}"
        )
    return dataset


def _load_arrays(
    source: ArraySource, directories: DataDirectories, *, image_size: int | None, resize: Resize
) -> Dataset:
    """Return the dataset of `source`, stored for the next time unless it is bundled."""

    def build() -> Dataset:
        return _dataset(source, image_size=image_size, resize=resize)

    if not source.files:
        dataset = build()
        return dataclasses.replace(dataset, fingerprint=fingerprint(dataset))
    identity = [f"arrays {source.name} {image_size} {resize} {source.pixel_range}", *map(stamp, source.files)]
    return stored(directories.decoded, name=source.name, identity="\n".join(identity), build=lambda _: build())


def _dataset(source: ArraySource, *, image_size: int | None, resize: Resize) -> Dataset:
    arrays = source.read()
    if len(arrays.classes) < 2:
        raise DataError(f"{source.name} has a single class; two or more are needed")
    members = list(array_members(arrays))
    check_variety(members)
    images, labels = arrays.images, arrays.labels
    groups = group_numbers([member.digest for member in members if member.part != "test"])
    given = None
    if arrays.test is not None:
        test_images, test_labels = arrays.test
    else:
        held = hold_out_test(labels, groups[: len(labels)], validates=arrays.validation is None)
        test_images, test_labels = images[held], labels[held]
        images, labels, groups = np.delete(images, held, axis=0), np.delete(labels, held), np.delete(groups, held)
    if arrays.validation is not None:
        given = np.arange(len(labels), len(labels) + len(arrays.validation[1]), dtype=np.int32)
        images = np.concatenate([images, arrays.validation[0]])
        labels = np.concatenate([labels, arrays.validation[1]])
    height, width = (image_size, image_size) if image_size else images.shape[1:3]
    return Dataset(
        name=source.name,
        classes=arrays.classes,
        images=resized(images, height=height, width=width, resize=resize),
        labels=labels,
        given_validation=given,
        test_images=resized(test_images, height=height, width=width, resize=resize),
        test_labels=test_labels,
        fingerprint="",  # is taken when it is stored
        groups=groups,
        pixel_ranges=arrays.pixel_ranges,
        findings=(*arrays.findings, *copy_findings(members)),
    )


def _bad_files_text(reference: str, bad: Sequence[BadFile], index: ImageIndex) -> str:
    named = [f"  {file.path}: {file.problem}" for file in bad[:FILES_NAMED]]
    more = (
        [f"  and {len(bad) - FILES_NAMED} more: python -m search data check {reference}"]
        if len(bad) > FILES_NAMED
        else []
    )
    first = f"{len(bad)} of {len(index.files)} files are not readable images; --skip-bad leaves them out"
    return "\n".join([first, *named, *more, *([index.missing] if index.missing else [])])
