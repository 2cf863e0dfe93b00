"""The recipe: one complete, JSON-serialisable description of a network and of how it is trained.

A recipe is all that a worker needs; it can rebuild a trial anywhere without Optuna. Images reach a
network as float32 (n, height, width, channels), already scaled as `Recipe.pixels` says.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from spaces.errors import RecordError
from spaces.records import Family, from_plain, to_plain

ACTIVATIONS = ("relu", "elu", "gelu", "silu", "tanh", "sigmoid")
PADDINGS = ("same", "valid")
POOLINGS = ("max", "average")
SUMMARIES = ("flatten", "average", "max")
OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop")
SCHEDULES = ("constant", "cosine", "one_cycle")
PIXELS = ("unit", "symmetric", "raw")


def _at_least(name: str, came: int, least: int) -> None:
    if came < least:
        raise RecordError(f"{name} is {came}; accepted: {least} or more")


def _one_of(name: str, came: str, accepted: tuple[str, ...]) -> None:
    if came not in accepted:
        raise RecordError(f"{name} is {came!r}; accepted: {', '.join(accepted)}")


def _fraction(name: str, came: float) -> None:
    if not 0.0 <= came < 1.0:
        raise RecordError(f"{name} is {came}; accepted: 0 up to but not 1")


@dataclass(frozen=True, kw_only=True)
class ImageShape:
    """The images that a search is about: pixels and channels (1 grey, 3 colour)."""

    height: int
    width: int
    channels: int

    @property
    def smaller_side(self) -> int:
        """The smaller of height and width, in pixels."""
        return min(self.height, self.width)


@dataclass(frozen=True, kw_only=True)
class Network(Family):
    """Base of every network description; subclasses are frozen dataclasses of plain values.

    A subclass has a builder registered with `objectives.build.build`.
    """


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Some convolutions at one resolution, then (perhaps) a pooling that halves it."""

    filters: int
    convolutions: int
    """May be 0: the stage is then a pooling alone."""
    pool: bool = True

    def __post_init__(self) -> None:
        _at_least("filters", self.filters, 1)
        _at_least("convolutions", self.convolutions, 0)


@dataclass(frozen=True, kw_only=True)
class ConvNet(Network):
    """A plain convolutional network: stages of conv-conv-pool, then a dense head.

    It builds for images of any size: a pooling that would leave no pixel is left out, and a
    "valid" convolution whose kernel is larger than what is left is padded instead.
    """

    stages: tuple[Stage, ...]
    kernel: int
    """Side of the square kernels, in pixels."""
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
        _at_least("kernel", self.kernel, 1)
        _one_of("padding", self.padding, PADDINGS)
        _one_of("activation", self.activation, ACTIVATIONS)
        _one_of("pooling", self.pooling, POOLINGS)
        _one_of("summary", self.summary, SUMMARIES)
        _at_least("dense_units", self.dense_units, 0)
        _fraction("dropout", self.dropout)
        _fraction("dense_dropout", self.dense_dropout)


@dataclass(frozen=True, kw_only=True)
class Augment:
    """Random changes made to training images only, afresh in each epoch; the defaults are off."""

    flip_horizontal: bool = False
    shift: float = 0.0
    """Largest shift in each direction, as a fraction of the side."""
    rotation_degrees: float = 0.0
    """Largest rotation either way."""
    zoom: float = 0.0
    """Largest zoom in or out, as a fraction."""

    def __post_init__(self) -> None:
        _fraction("shift", self.shift)
        _fraction("zoom", self.zoom)
        if not 0.0 <= self.rotation_degrees <= 180.0:
            raise RecordError(f"rotation_degrees is {self.rotation_degrees}; accepted: 0 to 180")

    @property
    def is_off(self) -> bool:
        """Whether training images are left as they are."""
        return self == Augment()


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How the weights are found."""

    learning_rate: float
    """The peak of the schedule."""
    optimizer: str = "adam"
    schedule: str = "constant"
    warmup: float = 0.0
    """Fraction of all steps over which the rate rises linearly from zero to its peak."""
    weight_decay: float = 0.0
    """Decoupled weight decay (Loshchilov and Hutter 2019); 0: none. Never on biases or norms."""
    label_smoothing: float = 0.0
    batch_size: int = 32

    def __post_init__(self) -> None:
        _one_of("optimizer", self.optimizer, OPTIMIZERS)
        _one_of("schedule", self.schedule, SCHEDULES)
        if not self.learning_rate > 0.0:
            raise RecordError(f"learning_rate is {self.learning_rate}; accepted: more than 0")
        _fraction("warmup", self.warmup)
        _fraction("label_smoothing", self.label_smoothing)
        _at_least("batch_size", self.batch_size, 1)
        if self.weight_decay < 0.0:
            raise RecordError(f"weight_decay is {self.weight_decay}; accepted: 0 or more")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One network and one way to train it."""

    network: Network
    fit: Fit
    augment: Augment = Augment()
    pixels: str = "unit"
    """Scale of the pixels that the network sees: [0, 1], [-1, 1], or 0 to 255 as stored."""

    def __post_init__(self) -> None:
        _one_of("pixels", self.pixels, PIXELS)

    def to_plain(self) -> dict[str, Any]:
        """Return the recipe as JSON values."""
        plain: dict[str, Any] = to_plain(self)
        return plain

    def to_json(self) -> str:
        """Return the recipe as indented JSON text that ends with a newline."""
        return json.dumps(self.to_plain(), indent=2, allow_nan=False) + "\n"

    @staticmethod
    def from_plain(plain: object) -> Recipe:
        """Return the recipe that JSON values describe; raises `RecordError`."""
        return from_plain(Recipe, plain, where="recipe")

    @staticmethod
    def from_json(text: str) -> Recipe:
        """Return the recipe in a JSON text; raises `RecordError`."""
        try:
            plain = json.loads(text)
        except ValueError as error:
            raise RecordError(f"recipe is not JSON: {error}") from None
        return Recipe.from_plain(plain)
