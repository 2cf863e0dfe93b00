"""Networks that start from a pretrained one: a frozen part up to a cut, then a head that is trained."""

from __future__ import annotations

import functools
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from spaces.backbones import EXPORTED, IMAGENET, NONE, Backbone, Backbones, Cut
from spaces.checks import check_at_least, check_fraction, check_one_of
from spaces.errors import RecordError, UsageError
from spaces.networks import ACTIVATIONS, SUMMARIES, Network
from spaces.parameters import RandomSuggest, find_parameters
from spaces.recipe import ImageShape, Recipe
from spaces.space import Parameters, Space
from spaces.suggest import Choice, Suggest


@dataclass(frozen=True, kw_only=True)
class Head(Network):
    """What is trained on the features of a frozen part: a summary, perhaps a dense layer, dropout."""

    summary: str = "flatten"
    """How the feature map becomes a vector: all of it, or the average or maximum over pixels."""
    dense_units: int = 256
    """Units of the hidden dense layer; 0: none, straight to the output layer."""
    activation: str = "relu"
    dropout: float = 0.0
    """Fraction dropped right before the output layer."""

    def __post_init__(self) -> None:
        check_one_of("summary", self.summary, SUMMARIES)
        check_at_least("dense_units", self.dense_units, 0)
        check_one_of("activation", self.activation, ACTIVATIONS)
        check_fraction("dropout", self.dropout)


@dataclass(frozen=True, kw_only=True)
class Transfer(Network):
    """A pretrained network up to a cut, and a head.

    It takes pixels as stored: scaling them as the pretrained network wants them is part of it, and
    of the saved model. The pretrained part is frozen, unless `Recipe.unfreeze` says otherwise; its
    batch norms use the statistics that they came with either way. As long as nothing before the cut
    changes, features there are computed once and shared by all trainings (see `objectives.features.shared`);
    `Recipe.views` lets that be so with augmented images too.
    """

    starts_pretrained: ClassVar[bool] = True

    backbone: Backbone
    cut: Cut = 1.0
    """The last layer that is used: its name ("mixed7"), or the fraction of the backbone's depth, 1: all of it."""
    side: int | None = None
    """Images are resized to a square of so many pixels; None: to what the backbone needs at least, or came with."""
    head: Head = Head()

    def __post_init__(self) -> None:
        if isinstance(self.cut, float) and not 0.0 < self.cut <= 1.0:
            raise RecordError(f"cut is {self.cut}; accepted: the name of a layer, or more than 0 up to 1")
        if self.side is not None:
            check_at_least("side", self.side, 1)


def with_backbones(space: Space, backbones: Backbones) -> Space:
    """Return a space whose trials are offered the pretrained networks that a person named.

    With a model of one's own the hand-made choices of other networks become those of their heads: `cifar_vgg16` becomes
    `cifar_vgg16_head`, on the model, cut at the same quarter.

    Raises:
        UsageError: the space does not start from pretrained networks.
    """

    @functools.wraps(space.suggest)
    def suggest(trial: Suggest) -> Recipe:
        return space.suggest(_Offering(trial, backbones))

    shape = ImageShape(height=32, width=32, channels=3)
    probe = _Offering(RandomSuggest(seed=0, images=shape, classes=2), backbones)
    space.suggest(probe)
    if not probe.was_looked_at:
        raise UsageError(
            f"space '{space.name}' starts from no backbone; leave --backbone out, or say --space transfer_frozen"
        )
    offered = replace(space, suggest=suggest, backbones=backbones)
    if not backbones.are_exported:
        return offered
    asked = {parameter.name for parameter in find_parameters(offered, images=shape, classes=2)}
    baselines, starts = (_heads_of(given, asked) for given in (space.baselines, space.starts))
    return replace(offered, baselines=baselines, starts=starts)


def untrained(recipe: Recipe) -> Recipe:
    """Return a recipe with random weights in place of downloaded ones: as many of them, and nothing to wait for."""
    network = recipe.network
    if not isinstance(network, Transfer) or network.backbone.weights != IMAGENET:
        return recipe
    return replace(recipe, network=replace(network, backbone=replace(network.backbone, weights=NONE)))


def _heads_of(given: Mapping[str, Parameters], asked: Container[str]) -> dict[str, Parameters]:
    found = {}
    for name, params in given.items():
        if "backbone" not in params:
            found[name] = params
            continue
        kept = {key: value for key, value in params.items() if key in asked}
        found[f"{name}_head"] = kept | {"backbone": EXPORTED}
    return found


class _Offering:
    """A `Suggest` with other backbones."""

    def __init__(self, trial: Suggest, backbones: Backbones) -> None:
        self.was_looked_at = False
        self._trial = trial
        self._backbones = backbones

    @property
    def images(self) -> ImageShape:
        return self._trial.images

    @property
    def classes(self) -> int:
        return self._trial.classes

    @property
    def backbones(self) -> Backbones:
        self.was_looked_at = True
        return self._backbones

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        return self._trial.suggest_int(name, low, high, step=step, log=log)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        return self._trial.suggest_float(name, low, high, step=step, log=log)

    def suggest_categorical(self, name: str, choices: Sequence[Choice]) -> Choice:
        return self._trial.suggest_categorical(name, choices)
