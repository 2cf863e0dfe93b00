"""Why a training ended without a result."""

from __future__ import annotations

import math
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from objectives.messages import TrainingFailure
from spaces.errors import DataError, TamizError
from spaces.recipe import Recipe

Cause = Literal["host_oom", "gpu_oom", "invalid", "error"]

_backends = {"tensorflow", "torch", "jax", "jaxlib"}
_out_of_memory = (  # in lower case
    "out of memory",  # XLA, JAX, CUDA, PyTorch; also "No algorithm worked! Error messages: ... Out of memory ..."
    "resource_exhausted",
    "not enough memory",  # PyTorch, of the host's
    "oom when allocating",
    "cuda_error_out_of_memory",
    "cudaerrormemoryallocation",
    "_status_alloc_failed",  # cuDNN, cuBLAS, cuSOLVER
    # Libraries that allocate at their first use: the log alone tells what they lacked.
    "dst tensor is not initialized",
    "cudnn failed to initialize",
    "dnn library initialization failed",  # what TensorFlow and JAX now raise instead
    "without blas support",
)
_on_the_host = ("device:CPU", "DefaultCPUAllocator")  # TensorFlow's and PyTorch's
_requested = re.compile(
    r"(?:tr(?:ied|ying) to allocate|allocating) (\d+(?:\.\d+)?) ?(bytes|KiB|MiB|GiB|TiB)", re.IGNORECASE
)
_units = {"bytes": 1, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}


class TrainingError(TamizError):
    """A training that ended without a result."""

    def __init__(self, failure: TrainingFailure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class TrainingHalted(Exception):  # noqa: N818 - not an error: it was asked for
    """A training was asked to stop in the middle of an epoch, and did so at its next batch."""


@contextmanager
def training_errors(epoch: int) -> Iterator[None]:
    """Turn whatever is raised inside into a `TrainingError`; `epoch` as for `classify`."""
    try:
        yield
    except (TrainingError, TrainingHalted):
        raise
    except Exception as error:
        raise TrainingError(classify(error, epoch)) from error


def diverged(loss: float, epoch: int, recipe: Recipe) -> TrainingError:
    """Return the error of a loss, or of probabilities, that are not finite any more."""
    became = "NaN" if math.isnan(loss) else "infinite"
    message = f"loss became {became} at epoch {epoch} (learning_rate={recipe.fit.learning_rate:.3g})"
    return TrainingError(TrainingFailure(cause="diverged", message=message))


def classify(error: BaseException, epoch: int) -> TrainingFailure:
    """Return what an exception raised by Keras, its backend or a user's builder means.

    Args:
        error: what was raised.
        epoch: the epoch under way, from 1; 0: while building.
    """
    if isinstance(error, TrainingError):
        return error.failure
    if isinstance(error, DataError):  # its message has what is missing, and what to do
        message, _, advice = str(error).partition("\n")
        return TrainingFailure(cause="error", message=message, traceback=advice)
    place = f"at epoch {epoch}" if epoch else "while building the network"
    cause = _cause(error, is_building=not epoch)
    text = str(error).strip().partition("\n")[0][:200]
    if cause in ("error", "invalid"):
        message = f"{type(error).__name__} {place}: {text}"
    else:
        message = f"out of {'GPU' if cause == 'gpu_oom' else 'host'} memory {place}: {text or type(error).__name__}"
    frames = "".join(traceback.format_exception(error, limit=-6, chain=False))
    corrupts = cause in ("gpu_oom", "host_oom") or _is_of_a_backend(error)
    requested = requested_bytes(str(error)) if cause in ("gpu_oom", "host_oom") else None
    return TrainingFailure(
        cause=cause, message=message, traceback=frames, corrupts_process=corrupts, requested_bytes=requested
    )


def _is_of_a_backend(error: BaseException) -> bool:
    """Whether it was raised inside TensorFlow, PyTorch or JAX, whose state is then unknown."""
    roots = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return bool(roots & _backends) or isinstance(error, SystemError)


def _cause(error: BaseException, *, is_building: bool) -> Cause:
    """Go by the names and texts of the backends' own errors, so that none of the three needs to be imported here.

    A ValueError while building means an impossible network, such as a pooling of no pixels: Keras raises it too. Of
    some hundred layers in a row Keras makes a RecursionError.
    """
    if isinstance(error, MemoryError):
        return "host_oom"
    text = str(error)
    if not _is_out_of_memory(error, text):
        return "invalid" if is_building and isinstance(error, ValueError | RecursionError) else "error"
    return "host_oom" if any(host in text for host in _on_the_host) else "gpu_oom"


def _is_out_of_memory(error: BaseException, text: str) -> bool:
    """Whether it is one of the many forms in which TensorFlow, XLA, CUDA's libraries and PyTorch report this."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & {"ResourceExhaustedError", "OutOfMemoryError"}:
        return True
    text = text.lower()
    is_native = isinstance(error, RuntimeError) or _is_of_a_backend(error)
    return is_native and any(phrase in text for phrase in _out_of_memory)


def requested_bytes(message: str) -> int | None:
    """Return how much memory was requested when it ran out, as the backend's message has it; None: it does not."""
    if (found := _requested.search(message)) is None:
        return None
    return int(float(found[1]) * _units[found[2].lower()])
