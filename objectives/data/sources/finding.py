"""What a name or path refers to: arrays to read, or image files to decode."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from objectives.data.directories import DataDirectories
from objectives.data.folders.given import GivenParts
from objectives.data.folders.index import ImageIndex, index_folder
from objectives.data.folders.label_table import index_csv
from objectives.data.folders.tree import printable
from objectives.data.images.ranges import PixelRange
from objectives.data.sources.arrays import ImageArrays, read_digits, read_npz
from objectives.data.sources.catalogue import DIGITS, NAMES, PUBLISHED, Published
from spaces.errors import DataError, UnknownNameError, UsageError

YOUR_OWN = "Your own: a folder or an .npz file"


@dataclass(frozen=True, kw_only=True)
class ArraySource:
    """A dataset that comes as arrays."""

    name: str
    files: tuple[Path, ...]
    """What `read` reads; empty for bundled data."""
    read: Callable[[], ImageArrays]
    pixel_range: PixelRange | None = None
    """As the user set it; None: found from the values."""
    is_own: bool = False
    """Whether the arrays are the user's own; a published dataset is taken as it is."""


@dataclass(frozen=True, kw_only=True)
class FileSource:
    """A dataset that comes as image files."""

    name: str
    index: ImageIndex
    native: bool
    """Whether its images keep their own size, as those of datasets with a name do."""
    pixel_range: PixelRange | None = None
    """As the user set it; None: found from the values."""


Source = ArraySource | FileSource


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a user set about images of their own; None: it is found from them."""

    pixel_range: PixelRange | None = None
    """The values that are black and white."""
    parts: GivenParts | None = None


def find(reference: str, directories: DataDirectories, *, given: Given | None = None) -> Source:
    """Return what `reference` refers to; downloads a published dataset that has no copy here.

    Args:
        reference: See `objectives.data.loading.load`.
        directories: Where to look.
        given: What the user set.

    Raises:
        UnknownNameError: neither a name nor a path.
        DataError: a path that does not exist or holds nothing usable, or a download that failed.
        UsageError: parts are given that are not there, or of arrays.
    """
    source = _source(reference, directories, given or Given())
    if isinstance(source, ArraySource) and given is not None and given.parts:
        raise UsageError("invalid --parts: expected a folder or a CSV file as --data; names of arrays say their parts")
    return source


def _source(reference: str, directories: DataDirectories, given: Given) -> Source:
    if reference == DIGITS:
        return ArraySource(name=DIGITS, files=(), read=read_digits)
    for published in PUBLISHED:
        if reference == published.name:
            own = _own_copy(published.name, directories, native=True, given=given)
            return own or _published(published, directories)
    # os.path, because pathlib raises for "~" and an unknown name, a null character and an overlong name.
    path = Path(os.path.expanduser(reference))  # noqa: PTH111
    if reference and os.path.exists(path):  # noqa: PTH110
        return _at(path, native=False, given=given)
    if len(path.parts) > 1 or path.suffix.lower() in (".npz", ".csv", ".tsv"):
        near = difflib.get_close_matches(path.stem, NAMES, n=1)
        question = f" Did you mean the dataset '{near[0]}'?" if near else ""
        raise DataError(
            f"no such file or folder: {printable(reference)}.{question}\n{YOUR_OWN}; known names: {', '.join(NAMES)}"
        )
    own = _own_copy(reference, directories, native=False, given=given) if reference else None
    if own is None:
        raise UnknownNameError("data", printable(reference), NAMES, plural="data", hint=YOUR_OWN)
    return own


def _own_copy(name: str, directories: DataDirectories, *, native: bool, given: Given) -> Source | None:
    """The folder of images or the `.npz` that the user put into the data directory."""
    folder, arrays = directories.data / name, directories.data / f"{name}.npz"
    if os.path.isdir(folder) and any(child.is_dir() for child in folder.iterdir()):  # noqa: PTH112
        return _at(folder, native=native, given=given)
    return _at(arrays, native=native, given=given) if os.path.isfile(arrays) else None  # noqa: PTH113


def _published(published: Published, directories: DataDirectories) -> ArraySource:
    folder = published.copy(directories) or published.download(directories)
    return ArraySource(
        name=published.name,
        files=tuple(folder / file.name for file in published.files),
        read=partial(published.read, folder),
    )


def _at(path: Path, *, native: bool, given: Given) -> Source:
    pixel_range = given.pixel_range
    if path.is_dir():
        name, index = printable(path.resolve().name) or "data", index_folder(path, given=given.parts)
        return FileSource(name=name, index=index, native=native, pixel_range=pixel_range)
    match path.suffix.lower():
        case ".npz":
            read = partial(read_npz, path, pixel_range=pixel_range)
            return ArraySource(
                name=printable(path.stem), files=(path,), read=read, pixel_range=pixel_range, is_own=True
            )
        case ".csv" | ".tsv":
            name, index = printable(path.stem), index_csv(path, given=given.parts)
            return FileSource(name=name, index=index, native=native, pixel_range=pixel_range)
        case kind:
            raise DataError(
                f"{printable(str(path))} is a {kind or 'nameless kind of'} file; "
                "expected a folder of images, an .npz file, or a .csv of path,label[,split]"
            )
