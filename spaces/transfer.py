"""Networks that start from a pretrained one: a frozen part up to a cut, then a head that is trained."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from spaces.backbones import EXPORTED, IMAGENET, NONE, Backbone, Cut
from spaces.checks import check_at_least, check_fraction, check_one_of
from spaces.errors import RecordError
from spaces.networks import ACTIVATIONS, SUMMARIES, Network
from spaces.recipe import Recipe


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

    @property
    def described(self) -> str:
        """A head alone does not know its backbone."""
        return "head on the features of a pretrained network"


@dataclass(frozen=True, kw_only=True)
class Transfer(Network):
    """A pretrained network up to a cut, and a head.

    It takes pixels as stored: scaling them as the pretrained network wants them is part of it, and
    of the saved model. The pretrained part is frozen, unless `Recipe.unfreeze` says otherwise; its
    batch norms keep their original statistics either way. As long as nothing before the cut
    changes, features there are computed once and shared by all trainings (see `objectives.features.shared`);
    with `Recipe.views` also those of augmented images.
    """

    starts_pretrained: ClassVar[bool] = True

    backbone: Backbone
    cut: Cut = 1.0
    """The last layer that is used: its name ("mixed7"), or the fraction of the backbone's depth, 1: all of it."""
    side: int | None = None
    """Side in pixels to which images are resized; None: the least that the backbone takes, or its own size."""
    head: Head = Head()

    def __post_init__(self) -> None:
        if isinstance(self.cut, float) and not 0.0 < self.cut <= 1.0:
            raise RecordError(f"invalid cut {self.cut}: expected the name of a layer, or a number above 0, at most 1")
        if self.side is not None:
            check_at_least("side", self.side, 1)

    @property
    def described(self) -> str:
        """Names the backbone, unless it is from a file."""
        name = "network from a file" if self.backbone.name == EXPORTED else self.backbone.name
        return f"{'untrained' if self.backbone.weights == NONE else 'pretrained'} {name} with a new head"


def without_folder(recipe: Recipe) -> Recipe:
    """Return a recipe that names a backbone's file without its folder: for files that may be shared."""
    network = recipe.network
    if not isinstance(network, Transfer):
        return recipe
    backbone = replace(network.backbone, weights=Path(network.backbone.weights).name)
    return replace(recipe, network=replace(network, backbone=backbone))


def untrained(recipe: Recipe) -> Recipe:
    """Return a recipe with random weights in place of downloaded ones: the same number of them, without a download."""
    network = recipe.network
    if not isinstance(network, Transfer) or network.backbone.weights != IMAGENET:
        return recipe
    return replace(recipe, network=replace(network, backbone=replace(network.backbone, weights=NONE)))
