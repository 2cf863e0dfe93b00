"""The space of residual networks: its baseline is the paper's, its rates fit both optimizers."""

from __future__ import annotations

import pytest

from spaces.catalogue import find_space
from spaces.parameters import recipe_for
from spaces.recipe import Augment, Fit, ImageShape, Recipe, ResNet
from tests.spaces.baselines import baseline_recipe

CIFAR = ImageShape(height=32, width=32, channels=3)


def test_the_baseline_is_the_paper_s_resnet_20() -> None:
    assert baseline_recipe(find_space("resnet_cifar"), "he_2016_resnet20", images=CIFAR, classes=10) == Recipe(
        network=ResNet(blocks=3, filters=16),
        augment=Augment(flip_horizontal=True, shift=4 / 32, fill="constant"),
        fit=Fit(optimizer="sgd", momentum=0.9, learning_rate=0.1, schedule="step", weight_decay=1e-3, batch_size=128),
        pixels="symmetric",
    )


def test_a_step_shrinks_weights_alike_whatever_the_optimizer() -> None:
    space = find_space("resnet_cifar")
    params = space.baselines["he_2016_resnet20"]
    sgd, adamw = (
        recipe_for(space, {**params, "optimizer": name}, images=CIFAR, classes=10).fit for name in ("sgd", "adamw")
    )

    assert adamw.learning_rate < sgd.learning_rate
    assert adamw.learning_rate * adamw.weight_decay == pytest.approx(sgd.learning_rate * sgd.weight_decay)
