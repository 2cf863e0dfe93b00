"""The recipe: one complete, JSON-serialisable description of a network and of how it is trained.

A recipe is all that a worker needs; it can rebuild a trial anywhere without Optuna. Images reach a
network as float32 (n, height, width, channels), already scaled as `Recipe.pixels` says.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from spaces.checks import check_at_least, check_between, check_fraction, check_one_of
from spaces.errors import RecordError
from spaces.networks import MLP, ConvNet, Network, ResNet, Stage
from spaces.records import from_plain, parse, to_plain

# A space finds all that it needs here, networks included.
__all__ = ["MLP", "Augment", "ConvNet", "Fit", "ImageShape", "Network", "Recipe", "ResNet", "Stage", "Unfreeze"]

OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop")
SCHEDULES = ("constant", "cosine", "one_cycle", "step")
ONE_CYCLE_RISE = 0.3
"""Fraction of the steps over which the rate of "one_cycle" rises where no warm-up is given; fast.ai's default."""
CLASS_WEIGHTS = ("none", "balanced", "sqrt")
FILLS = ("nearest", "constant", "reflect", "wrap")
OUTPUTS = ("softmax", "sigmoid")
PIXELS = ("unit", "symmetric", "raw")


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
class Augment:
    """Random changes made to training images only, afresh in each epoch; the defaults are off.

    Each image gets its own amount of each, uniform up to the strength given here.
    """

    flip_horizontal: bool = False
    """Left becomes right, in half of the images."""
    flip_vertical: bool = False
    """Top becomes bottom, in half of the images."""
    shift: float = 0.0
    """Largest shift in each direction, as a fraction of the side; images move by whole pixels."""
    rotation_degrees: float = 0.0
    """Largest rotation either way."""
    zoom: float = 0.0
    """Largest zoom in or out, as a fraction."""
    shear: float = 0.0
    """Largest slant either way: pixels sideways for each pixel down."""
    fill: str = "nearest"
    """What comes in from beyond an edge: the edge repeated, black, the image mirrored, or its other side."""
    brightness: float = 0.0
    """Largest amount added to or taken from all pixels, as a fraction of the range from black to white."""
    contrast: float = 0.0
    """Largest stretch or squeeze of each channel about its mean, as a fraction."""
    cutout: float = 0.0
    """Side of a square hidden somewhere in each image, as a fraction of the smaller side (DeVries and Taylor 2017)."""
    mixup: float = 0.0
    """Blend each image and its label with another's; shares are drawn from Beta(mixup, mixup) (Zhang et al. 2018)."""

    def __post_init__(self) -> None:
        for name in ("shift", "zoom", "shear", "brightness", "contrast", "cutout"):
            check_fraction(name, getattr(self, name))
        check_between("rotation_degrees", self.rotation_degrees, 0.0, 180.0)
        check_between("mixup", self.mixup, 0.0, 10.0)
        check_one_of("fill", self.fill, FILLS)

    @property
    def is_off(self) -> bool:
        """Whether training images are left as they are."""
        return self == Augment(fill=self.fill)


@dataclass(frozen=True, kw_only=True)
class Fit:
    """The optimizer, its learning rates and the loss."""

    learning_rate: float
    """At the peak of the schedule."""
    optimizer: str = "adam"
    momentum: float = 0.9
    """Of "sgd" alone, after Nesterov; 0: plain gradient descent."""
    schedule: str = "constant"
    """How the rate changes after its peak: see `objectives.training.optimizers.Schedule`."""
    warmup: float = 0.0
    """Fraction of all steps over which the rate rises linearly from zero to its peak; 0: as the schedule has it."""
    weight_decay: float = 0.0
    """Decoupled weight decay (Loshchilov and Hutter 2019); 0: none. Biases and norms are left out."""
    label_smoothing: float = 0.0
    class_weights: str = "none"
    """How much an example counts: equally; inversely to the size of its class; or to the square root of that."""
    batch_size: int = 32

    def __post_init__(self) -> None:
        check_one_of("optimizer", self.optimizer, OPTIMIZERS)
        check_one_of("schedule", self.schedule, SCHEDULES)
        check_one_of("class_weights", self.class_weights, CLASS_WEIGHTS)
        if not self.learning_rate > 0.0:
            raise RecordError(f"invalid learning_rate {self.learning_rate}: expected more than 0")
        check_fraction("momentum", self.momentum)
        check_fraction("warmup", self.warmup)
        check_fraction("label_smoothing", self.label_smoothing)
        check_at_least("batch_size", self.batch_size, 1)
        if self.weight_decay < 0.0:
            raise RecordError(f"invalid weight_decay {self.weight_decay}: expected 0 or more")

    @property
    def rise(self) -> float:
        """Fraction of all steps before the rate is at its peak."""
        return self.warmup or (ONE_CYCLE_RISE if self.schedule == "one_cycle" else 0.0)

    @property
    def has_schedule(self) -> bool:
        """Whether the learning rate changes while training."""
        return self.schedule != "constant" or self.warmup > 0.0


@dataclass(frozen=True, kw_only=True)
class Unfreeze:
    """Upper layers of a pretrained network that are trained too, gently (Howard and Ruder 2018)."""

    layers: int
    """How many layers with weights, counted from the cut downwards; batch norms are left out and stay frozen."""
    epoch: int = 1
    """The epoch, from 1, from which on."""
    rate: float = 0.1
    """Their learning rate, as a fraction of the head's."""

    def __post_init__(self) -> None:
        check_at_least("layers", self.layers, 1)
        check_at_least("epoch", self.epoch, 1)
        if not 0.0 < self.rate <= 1.0:
            raise RecordError(f"invalid rate {self.rate}: expected more than 0, at most 1")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One network and one way to train it."""

    network: Network
    fit: Fit
    augment: Augment = Augment()
    pixels: str = "unit"
    """Scale of the pixels that the network sees: [0, 1], [-1, 1], or 0 to 255 as stored."""
    output: str = "softmax"
    """The output layer: a unit a class, or (for two classes) one unit for the second. Both give class probabilities."""
    unfreeze: Unfreeze | None = None
    """What of a pretrained network is trained too; None: nothing."""
    views: int = 0
    """With a pretrained network, the number of augmented views of each training image, whose features are computed
    once: each epoch takes the next view. 0: each epoch augments images and computes features again."""

    def __post_init__(self) -> None:
        check_one_of("pixels", self.pixels, PIXELS)
        check_one_of("output", self.output, OUTPUTS)
        network: object = self.network  # of a space's own class, which may lack the base
        if not isinstance(network, Network):
            name = type(network).__name__
            raise TypeError(f"network {name} is not a Network: derive it, `class {name}(Network)`, from spaces.recipe")
        if self.network.starts_pretrained and self.pixels != "raw":
            raise RecordError(f"invalid pixels {self.pixels!r}: expected raw with a pretrained network")
        if self.unfreeze is not None and not self.network.starts_pretrained:
            raise RecordError(f"invalid unfreeze: expected None with a {type(self.network).__name__}")
        check_at_least("views", self.views, 0)
        if self.views and not self.network.starts_pretrained:
            raise RecordError(f"invalid views {self.views}: expected 0 with a {type(self.network).__name__}")

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
            plain = parse(text)
        except ValueError as error:
            raise RecordError(f"recipe is not JSON: {error}") from None
        return Recipe.from_plain(plain)
