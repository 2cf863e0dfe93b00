"""Threads, GPUs and log output of a worker process, which must be set before Keras is imported."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from objectives import keras_settings

_for_wrappers = ("matplotlib", "pandas", "sklearn")
"""What Keras imports where it is installed, for wrappers and pictures: half of the time that its own import takes."""


def prepare(*, threads: int | None, gpu: bool, only_trains: bool = False) -> None:
    """Set this process's threads, devices and log levels, for every backend, then import Keras.

    Call it first in a worker: the libraries read these settings once. TensorFlow's lines about the
    machine are dropped, since none of its own settings silences them.

    Args:
        threads: processor threads for the arithmetic; None: the library's default.
        gpu: False hides every GPU; True lets GPU memory grow as needed, so that workers can share one.
        only_trains: no other thread of this process imports modules, and Keras' wrappers of scikit-learn are not used.
    """
    keras_settings.check()
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if threads is not None:
        os.environ["TF_NUM_INTRAOP_THREADS"] = str(threads)
        os.environ["TF_NUM_INTEROP_THREADS"] = "1"
        os.environ["OMP_NUM_THREADS"] = str(threads)  # PyTorch
        os.environ["NPROC"] = str(threads)  # JAX
    if gpu:
        os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
        os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    else:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        os.environ["JAX_PLATFORMS"] = "cpu"
    with _silent_stderr(), _hidden(_for_wrappers) if only_trains else nullcontext():
        import keras  # noqa: F401


@contextmanager
def _hidden(packages: tuple[str, ...]) -> Iterator[None]:
    """Let packages that are not imported yet seem not to be installed."""
    hidden = [package for package in packages if package not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: importing it raises ImportError
    try:
        yield
    finally:
        for package in hidden:
            del sys.modules[package]


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Drop what native code writes to file descriptor 2; Python's exceptions still pass."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
