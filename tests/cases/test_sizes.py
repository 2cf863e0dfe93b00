"""Impossible sizes are reported from the shapes, before memory is gone."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import keras
import psutil
import pytest
from keras import layers

from objectives.messages import Objective, StudyData
from objectives.networks.registry import build
from objectives.training import sizes
from objectives.training.failures import TrainingError
from objectives.training.training import Training
from spaces.errors import RecordError
from spaces.recipe import MLP, ConvNet, Fit, Network, Recipe, ResNet, Stage


def _conv(*filters: int, dense_units: int = 0) -> ConvNet:
    stages = tuple(Stage(filters=one, convolutions=1, pool=False) for one in filters)
    return ConvNet(stages=stages, kernel=3, dense_units=dense_units)


def _refusal(network: Network, data: StudyData, *, batch_size: int = 32, optimizer: str = "adam") -> str:
    recipe = Recipe(network=network, fit=Fit(learning_rate=0.01, batch_size=batch_size, optimizer=optimizer))
    with pytest.raises(TrainingError) as error:
        Training(recipe=recipe, data=data, objective=Objective(metric="val_accuracy", epochs=1), seed=0)
    assert error.value.failure.cause == "invalid"  # which prunes the trial
    return error.value.failure.message


@pytest.mark.parametrize(
    "network",
    [
        _conv(10**9),
        _conv(8, 10**9),
        _conv(10**5, 10**5),
        _conv(10**7),
        MLP(units=(10**6, 10**6)),
        _conv(8, dense_units=10**9),
    ],
    ids=["1e9 filters", "1e9 filters later", "1e5 filters twice", "1e7 filters", "dense", "dense after filters"],
)
def test_a_network_that_fits_no_machine_is_refused_before_its_memory_is_taken(
    small_digits: StudyData, network: Network
) -> None:
    before, begun = psutil.Process().memory_info().rss, time.monotonic()
    said = _refusal(network, small_digits)
    assert said.startswith("network is too large: its weights would need")
    assert said.endswith(f"and this machine has {sizes.memory_bytes() / 2**30:,.1f} GiB of memory")
    assert psutil.Process().memory_info().rss - before < 2**30
    assert time.monotonic() - begun < 30


def test_a_layers_output_for_a_batch_counts(small_digits: StudyData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "memory_bytes", lambda: 8 * 8 * 64 * 32 * 4 - 1)
    said = _refusal(replace(_conv(64), summary="average"), small_digits, batch_size=32)
    assert said.startswith("network is too large: its output of layer 'stage1_convolution1'")


@dataclass(frozen=True, kw_only=True)
class _Wide(Network):
    """A network of a user's own."""

    units: int


@build.register(_Wide)
def _build_wide(network: _Wide, images: object) -> object:
    return layers.Dense(network.units)(layers.Flatten()(images))


@pytest.mark.parametrize(("optimizer", "numbers"), [("sgd", 2), ("rmsprop", 3), ("adam", 4)])
def test_what_is_needed_is_that_of_the_shapes_of_any_network(
    small_digits: StudyData, monkeypatch: pytest.MonkeyPatch, optimizer: str, numbers: int
) -> None:
    shape = small_digits.train.images.shape[1:]
    weights = math.prod(shape) * 100
    monkeypatch.setattr(sizes, "memory_bytes", lambda: weights * numbers * 4 - 1)
    monkeypatch.setattr(sizes, "_gib", str)
    said = _refusal(_Wide(units=100), small_digits, optimizer=optimizer)
    needed = weights * numbers * 4
    assert said == (
        f"network is too large: its weights would need {needed}, and this machine has {needed - 1} of memory"
    )


def test_a_network_of_another_thread_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "memory_bytes", lambda: 1000)
    recipe = Recipe(network=_conv(4), fit=Fit(learning_rate=0.01, batch_size=32))
    built: list[int] = []

    def build_another() -> None:
        built.append(keras.Sequential([layers.Input((100,)), layers.Dense(100)]).count_params())

    def build() -> keras.Model:
        other = threading.Thread(target=build_another)
        other.start()
        other.join()
        return keras.Sequential([layers.Input((1,)), layers.Dense(1)])

    network = sizes.built_within_memory(recipe, build, reset=lambda: None)
    assert (built, network.count_params()) == ([10_100], 2)


@pytest.mark.parametrize(
    "network",
    [
        lambda: ConvNet(stages=(Stage(filters=8, convolutions=10**9),), kernel=3),
        lambda: ResNet(blocks=10**9, filters=8),
        lambda: ResNet(blocks=1, filters=8, stages=10**9),
    ],
    ids=["convolutions", "blocks", "stages"],
)
def test_a_network_that_is_too_deep_to_be_built_is_an_impossible_choice(network: Callable[[], Network]) -> None:
    begun = time.monotonic()
    with pytest.raises(RecordError, match=r"^invalid (convolutions|blocks|stages) 1000000000: expected . to \d+$"):
        network()
    assert time.monotonic() - begun < 1


def test_a_large_network_that_fits_is_the_same_as_if_it_were_small(
    small_digits: StudyData, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(network=_conv(4, dense_units=8), fit=Fit(learning_rate=0.01, batch_size=32))

    def score() -> float:
        training = Training(recipe=recipe, data=small_digits, objective=Objective(metric="val_loss", epochs=1), seed=0)
        return training.advance().score

    as_small = score()
    monkeypatch.setattr(sizes, "_unseen", 0.0)
    assert score() == as_small


def test_a_containers_limit_is_the_memory(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = tmp_path_factory.mktemp("cgroup") / "memory.max"
    limit.write_text("1073741824\n")
    monkeypatch.setattr(sizes, "_limit", limit)
    assert sizes.memory_bytes() == 2**30
    limit.write_text("max\n")
    assert sizes.memory_bytes() == psutil.virtual_memory().total


def test_memory_ends_at_the_limit_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _kind: (2**30, 2**31))
    assert sizes.memory_bytes() == 2**30
