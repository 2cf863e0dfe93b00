"""From the name or path that a person types to a dataset: `load`."""

from __future__ import annotations

from collections.abc import Sequence

from objectives.data.directories import DataDirectories
from objectives.data.from_arrays import load_arrays
from objectives.data.from_files import load_files
from objectives.data.images.decoding import RESIZES
from objectives.data.images.pixels import Progress
from objectives.data.records import BadFile, Dataset
from objectives.data.sources.finding import ArraySource, find
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
    progress: Progress | None = None,
) -> Dataset:
    """Return a dataset by its name or path, decoded once and kept for the next time.

    Args:
        reference: "digits", "fashion_mnist", "mnist", "cifar10", "cifar100", the name of something
            in the data directory, or a path: a folder of images, a `.csv` of path,label[,split],
            or an `.npz` with x_train, y_train[, x_test, y_test].
        directories: Where to look, and where to keep decoded images.
        image_size: Height and width in pixels; None: as they are for named datasets and arrays,
            64 for folders.
        resize: "stretch", "crop" or "pad".
        skip_bad: Leave out files that are no readable image and list them in `Dataset.bad_files`.
        progress: Called now and then with the images decoded and all there are.

    Raises:
        UnknownNameError: neither a known name nor a path that exists.
        UsageError: a size or a way of resizing that is not accepted.
        DataError: no usable data.
        StorageError: no room for the decoded images.
    """
    if image_size is not None and not 1 <= image_size <= LARGEST_SIZE:
        raise UsageError(f"--image-size is {image_size}; accepted: 1 to {LARGEST_SIZE} pixels")
    if resize not in RESIZES:
        raise UnknownNameError("way to resize", resize, RESIZES, plural="ways to resize")
    source = find(reference, directories)
    if isinstance(source, ArraySource):
        return load_arrays(source, directories, image_size=image_size, resize=resize)
    dataset = load_files(source, directories, image_size=image_size, resize=resize, progress=progress)
    if dataset.bad_files and not skip_bad:
        raise DataError(_bad_files_text(reference, dataset.bad_files, images=len(source.index.files)))
    return dataset


def _bad_files_text(reference: str, bad: Sequence[BadFile], *, images: int) -> str:
    named = [f"  {file.path}: {file.problem}" for file in bad[:FILES_NAMED]]
    more = (
        [f"  and {len(bad) - FILES_NAMED} more: python -m search data check {reference}"]
        if len(bad) > FILES_NAMED
        else []
    )
    first = f"{len(bad)} of {images} files are no readable images; --skip-bad leaves them out"
    return "\n".join([first, *named, *more])
