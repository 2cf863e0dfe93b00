"""Time and library versions, which are stored with a run."""

from __future__ import annotations

import importlib.metadata
import platform
from datetime import UTC, datetime

from objectives import keras_settings

PACKAGES = ("tamiz", "keras", "tensorflow", "jax", "torch", "optuna", "ray", "numpy", "scikit-learn", "pillow")


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that results depend on, and the backend of Keras."""
    found = {"python": platform.python_version(), "backend": keras_settings.backend()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def now() -> str:
    """Return the time as ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
