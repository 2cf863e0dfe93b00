"""What Keras takes from the environment, read without importing it: its backend and its kind of number.

Keras raises an error that names neither the variable nor the file, and so late that workers have started.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path

from spaces.errors import UsageError

BACKENDS = ("tensorflow", "jax", "torch")
_variable = "KERAS_BACKEND"
_accepted = {
    "floatx": ("float16", "float32", "float64"),
    "image_data_format": ("channels_last", "channels_first"),
}


def backend() -> str:
    """Return the backend that Keras uses, or will use once it is imported."""
    if (keras := sys.modules.get("keras")) is not None and hasattr(keras, "backend"):
        return str(keras.backend.backend())
    return _named_backend()


def _named_backend() -> str:
    """Return the backend that a process uses which imports Keras now."""
    return os.environ.get(_variable) or str(_file_settings().get("backend", BACKENDS[0]))


def check() -> str | None:
    """Return a line about a setting of Keras that a search does not follow; None: there is none.

    Raises:
        UsageError: Keras cannot be imported with its settings; names the variable or the file.
    """
    settings, file = _file_settings(), _file()
    name = _named_backend()
    if "keras" in sys.modules:  # it has read them
        if name == backend():
            return None
        return (
            f"Keras runs on {backend()} here, which executor='inline' uses; Ray workers run on {name}, as was set later"
        )
    named = f"{_variable} {name!r}" if os.environ.get(_variable) else f"backend {name!r} in {file}"
    if name not in BACKENDS:
        raise UsageError(f"invalid {named}: expected {', '.join(BACKENDS[:-1])} or {BACKENDS[-1]}")
    if importlib.util.find_spec(name) is None:
        installed = [one for one in BACKENDS if importlib.util.find_spec(one) is not None]
        raise UsageError(f"invalid {named}: it is not installed, only {' and '.join(installed) or 'no backend'}")
    for setting, accepted in _accepted.items():
        if (value := settings.get(setting, accepted[0])) not in accepted:
            raise UsageError(f"invalid {setting} {value!r} in {file}: expected {' or '.join(accepted)}")
    if not isinstance(epsilon := settings.get("epsilon", 1e-7), float):
        raise UsageError(f"invalid epsilon {epsilon!r} in {file}: expected a fraction, such as 1e-07")
    floats = settings.get("floatx", "float32")
    return (
        None if floats == "float32" else f"{file} has floatx {floats}, which a search does not follow: float32 is used"
    )


def _file() -> Path:
    """Return where Keras keeps its settings: `KERAS_HOME`, the home folder, or /tmp where that can't be written."""
    if (named := os.environ.get("KERAS_HOME")) is not None:
        return Path(os.path.expanduser(named), "keras.json")  # noqa: PTH111  # a home may be unknown
    home = os.path.expanduser("~")  # noqa: PTH111
    return Path(home if os.access(home, os.W_OK) else "/tmp", ".keras", "keras.json")


def _file_settings() -> dict[str, object]:
    try:
        read = json.loads(_file().read_text())
    except (OSError, ValueError):  # Keras passes over both
        return {}
    return read if isinstance(read, dict) else {}
