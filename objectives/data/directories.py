"""Folders in which datasets are looked for and decoded images are stored."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

SYSTEM_DATASETS = Path("/usr/share/datasets")
"""Where Debian's dataset packages install, such as dataset-fashion-mnist."""


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
        """The directories of this machine; `TAMIZ_DATA` and `TAMIZ_CACHE` name others."""
        keras = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
        return cls(
            data=_directory("TAMIZ_DATA", platformdirs.user_data_path("tamiz")),
            cache=_directory("TAMIZ_CACHE", platformdirs.user_cache_path("tamiz")),
            elsewhere=(SYSTEM_DATASETS, keras / "datasets"),
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


def _directory(variable: str, default: Path) -> Path:
    named = os.environ.get(variable)
    return Path(named).expanduser().absolute() if named else default
