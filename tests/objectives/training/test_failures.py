"""Every exception has a cause."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from objectives.training.failures import classify, diverged, requested_bytes
from spaces.recipe import ConvNet, Fit, Recipe, Stage

RECIPE = Recipe(network=ConvNet(stages=(Stage(filters=4, convolutions=1),), kernel=3), fit=Fit(learning_rate=0.312345))


class ResourceExhaustedError(Exception):
    """Named as TensorFlow's."""


class OutOfMemoryError(RuntimeError):
    """Named as PyTorch's."""


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (ResourceExhaustedError("OOM when allocating tensor on /device:GPU:0"), "gpu_oom"),
        (ResourceExhaustedError("OOM when allocating tensor on /job:localhost/device:CPU:0"), "host_oom"),
        (OutOfMemoryError("CUDA out of memory"), "gpu_oom"),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate"), "gpu_oom"),
        (MemoryError(), "host_oom"),
        (ValueError("kernel too large"), "error"),
        (KeyError("filters"), "error"),
    ],
)
def test_an_exception_has_a_cause(error: Exception, cause: str) -> None:
    assert classify(error, 2).cause == cause


def _tensorflow(name: str, text: str) -> Exception:
    import tensorflow as tf

    error: Exception = getattr(tf.errors, name)(None, None, text)
    return error


def _jax(text: str) -> Exception:
    import jax

    return jax.errors.JaxRuntimeError(text)


class AcceleratorError(RuntimeError):
    """Named as PyTorch's."""


_seen_on_gpus = {
    "allocator": lambda: _tensorflow(
        "ResourceExhaustedError",
        "{{function_node __wrapped__AddV2_device_/job:localhost/replica:0/task:0/device:GPU:0}} OOM when allocating "
        "tensor with shape[256,64,224,224] and type float on /job:localhost/replica:0/task:0/device:GPU:0 by "
        "allocator GPU_0_bfc [Op:AddV2]",
    ),
    "copying to the device": lambda: _tensorflow("InternalError", "Dst tensor is not initialized."),
    "copying, of Keras' eager tensors": lambda: _tensorflow(
        "InternalError",
        "Failed copying input tensor from CPU:0 to GPU:0 in order to run _EagerConst: Dst tensor is not initialized.",
    ),
    "first use of the GPU": lambda: _tensorflow(
        "InternalError", "CUDA runtime implicit initialization on GPU:0 failed. Status: out of memory"
    ),
    "first use of the GPU, later wording": lambda: _tensorflow(
        "InternalError", "cudaSetDevice() on GPU:0 failed. Status: out of memory"
    ),
    "first convolution, until 2.8": lambda: _tensorflow(
        "UnknownError",
        "Failed to get convolution algorithm. This is probably because cuDNN failed to initialize, so try looking to "
        "see if a warning log message was printed above. [Op:Conv2D]",
    ),
    "first convolution, from 2.9 on": lambda: _tensorflow(
        "FailedPreconditionError", "DNN library initialization failed. Look at the errors above for more details."
    ),
    "first convolution, cuDNN's own": lambda: _tensorflow(
        "InternalError", "Could not create cudnn handle: CUDNN_STATUS_ALLOC_FAILED"
    ),
    "first multiplication": lambda: _tensorflow(
        "InternalError", "Attempting to perform BLAS operation using StreamExecutor without BLAS support [Op:MatMul]"
    ),
    "autotuning": lambda: _tensorflow(
        "NotFoundError",
        "No algorithm worked!  Error messages:\n  Profiling failure on CUDNN engine 1#TC: RESOURCE_EXHAUSTED: Out of "
        "memory while trying to allocate 17179869184 bytes.",
    ),
    "XLA in TensorFlow": lambda: _tensorflow(
        "ResourceExhaustedError", "Out of memory while trying to allocate 1310720000 bytes. [Op:__inference_one_step]"
    ),
    "driver": lambda: _tensorflow(
        "InternalError",
        "failed initializing StreamExecutor for CUDA device ordinal 0: INTERNAL: failed call to "
        "cuDevicePrimaryCtxRetain: CUDA_ERROR_OUT_OF_MEMORY: out of memory; total memory reported: 25438126080",
    ),
    "JAX": lambda: _jax("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 7406166528 bytes."),
    "JAX, shorter": lambda: _jax("RESOURCE_EXHAUSTED: Out of memory allocating 20029400304 bytes."),
    "JAX, first convolution": lambda: _jax(
        "FAILED_PRECONDITION: DNN library initialization failed. Look at the errors above for more details."
    ),
    "JAX, CUDA's": lambda: _jax("INTERNAL: Failed to launch CUDA kernel: cudaErrorMemoryAllocation : out of memory"),
    "PyTorch": lambda: OutOfMemoryError(
        "CUDA out of memory. Tried to allocate 2.87 GiB. GPU 0 has a total capacity of 14.76 GiB of which 19.75 MiB is "
        "free."
    ),
    "PyTorch, until 1.12": lambda: RuntimeError("CUDA out of memory. Tried to allocate 92.00 MiB (GPU 0; 1.96 GiB)"),
    "PyTorch, at a kernel": lambda: AcceleratorError("CUDA error: out of memory\nCUDA kernel errors might be"),
    "PyTorch, first multiplication": lambda: RuntimeError(
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"
    ),
    "PyTorch, first convolution": lambda: RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
}


@pytest.mark.parametrize("seen", _seen_on_gpus)
def test_every_form_of_a_full_gpu_is_known(seen: str) -> None:
    failure = classify(_seen_on_gpus[seen](), 2)
    assert (failure.cause, failure.corrupts_process) == ("gpu_oom", True)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 400000000000 bytes."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: out of memory"),
    ],
)
def test_pytorch_without_gpu_runs_out_of_host_memory(error: Exception) -> None:
    assert classify(error, 2).cause == "host_oom"


@pytest.mark.parametrize(
    "error",
    [
        lambda: _tensorflow("NotFoundError", "No algorithm worked!"),  # as for images with too few channels
        lambda: RuntimeError("CUDA error: an illegal memory access was encountered"),
        lambda: KeyError("out of memory"),
    ],
)
def test_other_errors_are_not_taken_for_a_full_gpu(error: Callable[[], Exception]) -> None:
    assert classify(error(), 2).cause == "error"


@pytest.mark.parametrize(
    ("message", "requested"),
    [
        ("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 7406166528 bytes.", 7406166528),
        ("CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has", 5 * 2**29),
        ("RESOURCE_EXHAUSTED: Out of memory allocating 20029400304 bytes.", 20029400304),
        ("Dst tensor is not initialized.", None),
    ],
)
def test_the_memory_that_was_requested_is_read_from_the_message(message: str, requested: int | None) -> None:
    assert requested_bytes(message) == requested


def test_a_network_that_can_not_be_is_invalid_and_a_fault_in_its_builder_an_error() -> None:
    assert classify(RecursionError("maximum recursion depth exceeded"), 0).cause == "invalid"
    assert [classify(error, 0).cause for error in (ValueError("no pixel is left"), KeyError("filters"))] == [
        "invalid",
        "error",
    ]


def test_tensorflows_own_error_is_known() -> None:
    import tensorflow as tf

    assert classify(tf.errors.ResourceExhaustedError(None, None, "OOM"), 1).cause == "gpu_oom"


def test_the_message_is_one_line_with_the_epoch() -> None:
    assert classify(ValueError("bad\nworse"), 3).message == "ValueError at epoch 3: bad"


def test_before_the_first_epoch_the_network_is_being_built() -> None:
    assert classify(MemoryError(), 0).message == "out of host memory while building the network: MemoryError"


def test_the_traceback_ends_where_it_was_raised() -> None:
    def own_builder() -> None:
        raise ValueError("kernel too large")

    try:
        own_builder()
    except ValueError as error:
        failure = classify(error, 1)

    assert "in own_builder\n" in failure.traceback


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (math.nan, "loss became NaN at epoch 2 (learning_rate=0.312)"),
        (math.inf, "loss became infinite at epoch 2 (learning_rate=0.312)"),
    ],
)
def test_divergence_says_what_the_loss_became(loss: float, said: str) -> None:
    assert diverged(loss, 2, RECIPE).failure.message == said


def test_a_training_error_keeps_its_failure() -> None:
    error = diverged(math.nan, 2, RECIPE)

    assert classify(error, 5) is error.failure


@pytest.mark.parametrize("error", [MemoryError(), OutOfMemoryError("CUDA out of memory"), SystemError("bad call")])
def test_what_may_have_damaged_the_process_is_marked(error: Exception) -> None:
    assert classify(error, 2).corrupts_process


@pytest.mark.parametrize("error", [ValueError("kernel too large"), KeyError("filters")])
def test_a_fault_in_a_person_s_network_does_not(error: Exception) -> None:
    assert not classify(error, 2).corrupts_process


def test_an_error_inside_the_backend_corrupts_the_process() -> None:
    import tensorflow as tf

    assert classify(tf.errors.InternalError(None, None, "stream did not block host"), 1).corrupts_process
