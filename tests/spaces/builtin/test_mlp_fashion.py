"""The space of fully connected networks: its baselines are the lab's."""

from __future__ import annotations

import pytest

from spaces.catalogue import find_space
from spaces.parameters import find_parameters
from spaces.recipe import MLP, ConvNet, Fit, ImageShape, Network, Recipe, Stage
from tests.spaces.baselines import baseline_recipe

FASHION = ImageShape(height=28, width=28, channels=1)


@pytest.mark.parametrize(
    ("name", "network", "learning_rate"),
    [
        ("lab_base", MLP(units=(32,), activation="sigmoid"), 0.01),
        ("lab_1x32_slow", MLP(units=(32,)), 0.05),
        ("lab_1x32_fast", MLP(units=(32,)), 0.5),
        ("lab_2x64_slow", MLP(units=(64, 64)), 0.05),
        ("lab_2x64_fast", MLP(units=(64, 64)), 0.5),
        ("lab_dropout", MLP(units=(64, 64), dropout=0.25), 0.1),
        ("lab_small_cnn", ConvNet(stages=(Stage(filters=10, convolutions=2),) * 2, kernel=3), 0.1),
    ],
)
def test_each_baseline_is_the_lab_s_to_the_letter(name: str, network: Network, learning_rate: float) -> None:
    assert baseline_recipe(find_space("mlp_fashion"), name, images=FASHION, classes=10) == Recipe(
        network=network,
        fit=Fit(optimizer="sgd", momentum=0.0, learning_rate=learning_rate, batch_size=64),
        pixels="symmetric",
    )


def test_what_one_kind_of_network_alone_has_depends_on_the_kind() -> None:
    found = find_parameters(find_space("mlp_fashion"), images=FASHION, classes=10)

    assert {parameter.name: parameter.when for parameter in found if parameter.when is not None} == {
        "units": {"network": ("dense",)},
        "filters": {"network": ("convolutional",)},
        "doubling": {"network": ("convolutional",)},
        "weight_decay": {"optimizer": ("adamw",)},
    }
