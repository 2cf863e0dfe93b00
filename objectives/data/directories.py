"""Folders in which datasets are looked for and decoded images are stored."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from spaces.errors import StorageError

SYSTEM_DATASETS = Path("/usr/share/datasets")
"""Where Debian's dataset packages install, such as dataset-fashion-mnist."""


def keras_folder() -> Path:
    """Return the folder in which Keras keeps its downloads; relative where the system knows no home folder."""
    return Path(os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras"))  # noqa: PTH111


@dataclass(frozen=True, kw_only=True)
class DataDirectories:
    """The folders that `load` reads datasets from and keeps decoded images in."""

    data: Path
    """The user's own copies: `<name>/train/<class>/...`, `<name>.npz` or the published files."""
    cache: Path
    """Downloads and decoded images; may be deleted at any time."""
    elsewhere: tuple[Path, ...] = ()
    """More places where published files may lie: the system's datasets, Keras' own downloads."""

    @classmethod
    def from_environment(cls) -> DataDirectories:
        """The directories of this machine; `TAMIZ_DATA` and `TAMIZ_CACHE` name others.

        Raises:
            StorageError: the system knows no home folder, and `TAMIZ_CACHE` names none.
        """
        cache = _directory("TAMIZ_CACHE", platformdirs.user_cache_path)
        if cache is None:
            raise StorageError(
                "this user has no home folder, in which decoded images would be kept\n"
                "Set HOME, or TAMIZ_CACHE to a folder that can be written (and TAMIZ_DATA to one with datasets)"
            )
        return cls(
            data=_directory("TAMIZ_DATA", platformdirs.user_data_path) or cache / "data",
            cache=cache,
            elsewhere=(SYSTEM_DATASETS, keras_folder() / "datasets"),
        )

    @property
    def downloads(self) -> Path:
        """Files fetched from the addresses where datasets are published."""
        return self.cache / "downloads"

    @property
    def decoded(self) -> Path:
        """Images decoded once, one folder for each content, size and way of resizing."""
        return self.cache / "decoded"

    @property
    def features(self) -> Path:
        """What frozen networks make of images, computed once (see `objectives.features.shared`)."""
        return self.cache / "features"


def _directory(variable: str, usual: Callable[[str], Path]) -> Path | None:
    """Return the folder that a variable names, else the usual one; None: the system knows no home folder."""
    try:
        if named := os.environ.get(variable):
            return Path(named).expanduser().absolute()
        return usual("tamiz")
    except RuntimeError:
        return None
