"""Files written as a whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from spaces.errors import RecordError, first_line


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that takes its name only when all of it is on disk.

    Written beside its place, synchronised, then renamed: a crash or a full disk leaves the old file,
    or none. The umask decides who may read it, as for a file that `open` creates. Errors of the file
    system pass through as OSError.
    """
    name = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    # Not `tempfile.mkstemp`, whose files are private whatever the umask.
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        name.replace(path)
    except BaseException:
        name.unlink(missing_ok=True)
        raise
    _synchronise(path.parent)


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a whole file at once; text as UTF-8."""
    with whole_file(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def read_arrays(path: Path, *, names: Collection[str] | None = None) -> dict[str, NDArray[Any]]:
    """Return the arrays of an `.npz` file by name, in their order; nothing in it is unpickled.

    Args:
        path: the file.
        names: the arrays to read; None: all.

    Raises:
        RecordError: it is damaged, or holds something else.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files if names is None or name in names}
    except Exception as error:  # a damaged archive or header raises a dozen unrelated types, tokenize's among them
        raise RecordError(first_line(error, most=200)) from None
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise RecordError(f"'{name[:60]}' is not an array")
    return arrays


def _synchronise(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
