"""What a worker process may use of the machine: to be said before Keras is imported."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager


def prepare(*, threads: int | None, gpu: bool) -> None:
    """Set this process's threads, devices and log levels, for every backend, then import Keras.

    Call it first thing in a worker: the libraries read these settings once. TensorFlow's lines
    about the machine, which no setting of its own keeps off the terminal, are dropped.

    Args:
        threads: processor threads for the arithmetic; None: as many as the library likes.
        gpu: False hides every GPU; True lets GPU memory grow as needed, so that workers can share one.
    """
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
    with _silent_stderr():
        import keras  # noqa: F401


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
