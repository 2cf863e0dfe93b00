"""Descriptions of networks: plain values, each type with a builder of its own in `objectives`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from spaces.checks import check_at_least, check_between, check_fraction, check_one_of
from spaces.records import Family

ACTIVATIONS = ("relu", "elu", "gelu", "silu", "tanh", "sigmoid")
PADDINGS = ("same", "valid")
POOLINGS = ("max", "average")
SUMMARIES = ("flatten", "average", "max")
MOST_LAYERS = 1000
"""Of one kind, each of which takes some milliseconds to build."""
MOST_STAGES = 30
"""Of a residual network; after 30, its filters have doubled to a billion."""


@dataclass(frozen=True, kw_only=True)
class Network(Family):
    """Base of every network description; subclasses are frozen dataclasses of plain values.

    A subclass has a builder registered with `objectives.networks.registry.build`. A report names its
    networks by the first line of its docstring where that is a noun phrase ("A network of ..."), else
    by its own name; override `described` to say more.
    """

    starts_pretrained: ClassVar[bool] = False
    """Whether part of it is trained already: it then scales stored pixels itself, and that part may be unfrozen."""

    @property
    def described(self) -> str:
        """The network in a few words, without an article: "20-layer residual network"."""
        first_line = (type(self).__doc__ or "").partition("\n")[0]
        found = re.match(r"An? ([^.:;,(]+)", first_line.strip())
        return found[1].strip() if found else type(self).__name__


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Some convolutions at one resolution, then (perhaps) a pooling that halves it."""

    filters: int
    convolutions: int
    """May be 0: the stage is then a pooling alone."""
    pool: bool = True

    def __post_init__(self) -> None:
        check_at_least("filters", self.filters, 1)
        check_between("convolutions", self.convolutions, 0, MOST_LAYERS)


@dataclass(frozen=True, kw_only=True)
class ConvNet(Network):
    """A plain convolutional network: stages of conv-conv-pool, then a dense head.

    It builds for images of any size: a pooling that would leave no pixel is left out, and a
    "valid" convolution whose kernel is larger than what is left is padded instead.
    """

    stages: tuple[Stage, ...]
    kernel: int
    """Side of the square kernels, in pixels."""
    first_kernel: int | None = None
    """Of the first convolution alone, which sees few channels, so that a larger one costs little; None: `kernel`."""
    padding: str = "same"
    activation: str = "relu"
    batch_norm: bool = False
    pooling: str = "max"
    dropout: float = 0.0
    """Fraction of features dropped after each stage."""
    summary: str = "flatten"
    """How the last feature map becomes a vector: all of it, or the average or maximum over pixels."""
    dense_units: int = 0
    """Units of the hidden dense layer; 0: none, straight to the output layer."""
    dense_dropout: float = 0.0
    """Fraction dropped right before the output layer."""

    def __post_init__(self) -> None:
        check_between("convolutions", self.convolutions, 0, MOST_LAYERS)
        check_at_least("kernel", self.kernel, 1)
        check_at_least("first_kernel", self.kernel if self.first_kernel is None else self.first_kernel, 1)
        check_one_of("padding", self.padding, PADDINGS)
        check_one_of("activation", self.activation, ACTIVATIONS)
        check_one_of("pooling", self.pooling, POOLINGS)
        check_one_of("summary", self.summary, SUMMARIES)
        check_at_least("dense_units", self.dense_units, 0)
        check_fraction("dropout", self.dropout)
        check_fraction("dense_dropout", self.dense_dropout)

    @property
    def described(self) -> str:
        """Counts convolutions, not `stages`: a stage that is pooled early takes two of those."""
        return f"convolutional network with {_count(self.convolutions, 'convolution')}"

    @property
    def convolutions(self) -> int:
        """Of all stages together."""
        return sum(stage.convolutions for stage in self.stages)

    @property
    def kernels(self) -> tuple[int, ...]:
        """Side of each convolution's kernel, in order; at least one."""
        first = self.kernel if self.first_kernel is None else self.first_kernel
        return (first, *[self.kernel] * (self.convolutions - 1))


@dataclass(frozen=True, kw_only=True)
class MLP(Network):
    """A fully connected network (multilayer perceptron): all pixels, then hidden layers."""

    units: tuple[int, ...]
    """Of each hidden layer, from the pixels on; empty: a linear classifier."""
    activation: str = "relu"
    batch_norm: bool = False
    """Between each layer's weights and its activation."""
    dropout: float = 0.0
    """Fraction of units dropped after each hidden layer."""

    def __post_init__(self) -> None:
        check_between("hidden layers", len(self.units), 0, MOST_LAYERS)
        for units in self.units:
            check_at_least("units", units, 1)
        check_one_of("activation", self.activation, ACTIVATIONS)
        check_fraction("dropout", self.dropout)

    @property
    def described(self) -> str:
        """Counts the hidden layers; without one it is a linear classifier."""
        if not self.units:
            return "linear classifier"
        return f"fully connected network with {_count(len(self.units), 'hidden layer')}"


@dataclass(frozen=True, kw_only=True)
class ResNet(Network):
    """A residual network for small images (He et al. 2016a, section 4.2): a convolution, then stages of blocks.

    Each stage after the first halves the side and doubles the filters; a block is two 3x3
    convolutions with batch norm and a shortcut, which is projected where the shape changes. With the
    paper's three stages it has 6 * blocks + 2 weighted layers.
    """

    blocks: int
    """In each stage; 3 with three stages: ResNet-20."""
    filters: int
    """In the first stage."""
    stages: int = 3
    preactivation: bool = False
    """Norm and activation before each convolution rather than after it (He et al. 2016b, "v2")."""
    dropout: float = 0.0
    """Fraction of features dropped between the two convolutions of a block (Zagoruyko and Komodakis 2016)."""

    def __post_init__(self) -> None:
        check_between("blocks", self.blocks, 1, MOST_LAYERS)
        check_at_least("filters", self.filters, 1)
        check_between("stages", self.stages, 1, MOST_STAGES)
        check_fraction("dropout", self.dropout)

    @property
    def described(self) -> str:
        """Counts layers with weights as the paper does, without the projections of shortcuts."""
        return f"{2 * self.blocks * self.stages + 2}-layer residual network"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
