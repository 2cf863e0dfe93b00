"""Each type of network says what it is, in the words of the report's headline."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from spaces.backbones import EXPORTED, NONE, Backbone
from spaces.builtin import cnn_cifar
from spaces.parameters import FixedSuggest
from spaces.recipe import MLP, ConvNet, ImageShape, Network, ResNet, Stage
from spaces.transfer import Head, Transfer

CIFAR = ImageShape(height=32, width=32, channels=3)


@dataclass(frozen=True, kw_only=True)
class Phrased(Network):
    """A small vision transformer (ViT), with patches.

    With patches of four pixels.
    """


@dataclass(frozen=True, kw_only=True)
class Verbose(Network):
    """Patches of four pixels, then attention."""


@dataclass(frozen=True, kw_only=True)
class Undocumented(Network):
    sides: int = 3


def _start(name: str) -> Network:
    params = {**cnn_cifar.BASELINES, **cnn_cifar.STARTS}[name]
    return cnn_cifar.suggest(FixedSuggest(params, images=CIFAR, classes=10)).network


DESCRIBED = [
    (_start("cifar_notebook_2021"), "convolutional network with 6 convolutions"),
    (_start("early_pool_one_cycle"), "convolutional network with 6 convolutions"),
    (_start("cifar_small"), "convolutional network with 3 convolutions"),
    (ConvNet(stages=(Stage(filters=8, convolutions=1),), kernel=3), "convolutional network with 1 convolution"),
    (MLP(units=(64, 64)), "fully connected network with 2 hidden layers"),
    (MLP(units=(64,)), "fully connected network with 1 hidden layer"),
    (MLP(units=()), "linear classifier"),
    (ResNet(blocks=3, filters=16), "20-layer residual network"),
    (ResNet(blocks=3, filters=16, stages=4), "26-layer residual network"),
    (Transfer(backbone=Backbone(name="VGG16")), "pretrained VGG16 with a new head"),
    (Transfer(backbone=Backbone(name="VGG16", weights=NONE)), "untrained VGG16 with a new head"),
    (
        Transfer(backbone=Backbone(name=EXPORTED, weights="a.keras", digest="sha256:0")),
        "pretrained network from a file with a new head",
    ),
    (Head(), "head on the features of a pretrained network"),
    (Phrased(), "small vision transformer"),
    (Verbose(), "Verbose"),
    (Undocumented(), "Undocumented"),
]


@pytest.mark.parametrize(("network", "words"), DESCRIBED)
def test_a_network_is_described_as_a_person_would_count_it(network: Network, words: str) -> None:
    assert network.described == words


def test_every_type_of_network_is_among_them() -> None:
    ours = {kind for kind in Network.__subclasses__() if kind.__module__ in ("spaces.networks", "spaces.transfer")}

    assert ours <= {type(network) for network, _ in DESCRIBED}
