"""Every exception has a cause."""

from __future__ import annotations

import math

import pytest

from objectives.training.failures import classify, diverged
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
