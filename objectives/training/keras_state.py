"""Keras' state: reset, copied to the host's memory, restored, and saved as a file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import keras
from numpy.typing import NDArray

from spaces.errors import RecordError


def reset(seed: int) -> None:
    """Bring Keras to the state of a fresh process, whatever ran before in this one."""
    keras.utils.clear_session(free_memory=True)
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    keras.config.set_image_data_format("channels_last")
    keras.utils.set_random_seed(seed)


@contextmanager
def settings_kept() -> Iterator[None]:
    """Give this process its precision and image format back on leaving: in a notebook they are the user's."""
    floats, policy, layout = keras.config.floatx(), keras.config.dtype_policy(), keras.config.image_data_format()
    try:
        yield
    finally:
        keras.config.set_floatx(floats)
        keras.config.set_dtype_policy(policy)
        keras.config.set_image_data_format(layout)


def forgetting_gradients() -> AbstractContextManager[None]:
    """Release what is traced inside with its network, on the backend that would keep it."""
    if keras.backend.backend() != "tensorflow":
        return nullcontext()
    from objectives.training import on_tensorflow

    return on_tensorflow.forgetting_gradients()


def copies(variables: Sequence[keras.Variable]) -> tuple[NDArray[Any], ...]:
    """Copy variables, each in its own shape and type, to the host's memory."""
    return tuple(variable.numpy() for variable in variables)


def assign(variables: Sequence[keras.Variable], copied: Sequence[NDArray[Any]]) -> None:
    """Put copies of variables back.

    Raises:
        RecordError: they are not of these variables' shapes.
    """
    if [tuple(variable.shape) for variable in variables] != [copy.shape for copy in copied]:
        raise RecordError("the checkpoint is that of another network: expected the same shapes")
    for variable, copy in zip(variables, copied, strict=True):
        variable.assign(copy)


def saved(network: keras.Model) -> bytes:
    """Return the network as a `.keras` file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        network.save(path)
        return path.read_bytes()
