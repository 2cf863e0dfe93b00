"""Threads, GPUs and log output of a worker process, which must be set before Keras is imported."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from objectives import keras_settings
from objectives.gpus import MemoryShare

_for_wrappers = ("matplotlib", "pandas", "sklearn")
"""What Keras imports where it is installed, for wrappers and pictures: half of the time that its own import takes."""


def prepare(*, threads: int | None, gpu: bool, only_trains: bool = False, share: MemoryShare | None = None) -> str:
    """Set this process's threads, devices and log levels, for every backend, then import Keras.

    Call it first in a worker: the libraries read these settings once. TensorFlow's lines about the
    machine do not reach the terminal, and none of its own settings silences them.

    Args:
        threads: processor threads for the arithmetic; None: the library's default.
        gpu: False hides every GPU; True lets GPU memory grow as needed, so that workers can share one.
        only_trains: no other thread of this process imports modules, and Keras' wrappers of scikit-learn are not used;
            what TensorFlow writes about a GPU goes to this process's log.
        share: of the GPU's memory, beyond which the backend runs out of memory; None: all that is free.

    Returns:
        What the backend wrote while it was imported.
    """
    keras_settings.check()
    # Above level 0 TensorFlow does not write why it sees no GPU.
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "0" if gpu and only_trains else "3"
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if threads is not None:
        os.environ["TF_NUM_INTRAOP_THREADS"] = str(threads)
        os.environ["TF_NUM_INTEROP_THREADS"] = "1"
        os.environ["OMP_NUM_THREADS"] = str(threads)  # PyTorch
        os.environ["NPROC"] = str(threads)  # JAX
    if gpu:
        os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")  # that of nvidia-smi and of Ray
        os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
        os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
        if share is not None:  # for JAX, which refuses to start where both the new and the old name are set
            os.environ.pop("XLA_PYTHON_CLIENT_MEM_FRACTION", None)
            os.environ["XLA_CLIENT_MEM_FRACTION"] = f"{share.fraction:.4f}"
    else:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        os.environ["JAX_PLATFORMS"] = "cpu"
    with captured_stderr() as written, _hidden(_for_wrappers) if only_trains else nullcontext():
        import keras  # noqa: F401

        if share is not None:
            _limit_memory(share)
    return written[0]


def _limit_memory(share: MemoryShare) -> None:
    """Limit what TensorFlow or PyTorch allocate on the GPU; JAX reads the environment."""
    name = keras_settings.backend()
    if name == "tensorflow":
        from objectives.training import on_tensorflow

        on_tensorflow.limit_memory(share.limit_bytes)
    elif name == "torch":
        torch = importlib.import_module("torch")
        if torch.cuda.is_available():
            torch.cuda.set_per_process_memory_fraction(share.fraction)


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
def captured_stderr() -> Iterator[list[str]]:
    """Catch what native code writes to file descriptor 2, and yield a list that holds it afterwards.

    Python's exceptions still pass.
    """
    caught: list[str] = []
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:
        try:
            os.dup2(file.fileno(), 2)
            yield caught
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            caught.append(file.read().decode(errors="replace"))
