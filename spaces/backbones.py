"""Pretrained networks to start from: their names, where their weights come from, and what `--backbone` accepts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from spaces.checks import check_one_of
from spaces.digest import sha256_of
from spaces.errors import DataError, RecordError, UnknownNameError, UsageError

EXPORTED = "exported"
"""Name of a backbone that is a whole `.keras` model, such as an earlier search's `best/model.keras`."""
IMAGENET = "imagenet"
NONE = "none"

Cut = str | float


@dataclass(frozen=True, kw_only=True)
class Application:
    """What is known of a network of `keras.applications`."""

    least_side: int
    """Smallest height and width in pixels; smaller images are resized up to it."""
    cuts: tuple[Cut, Cut, Cut, Cut]
    """Where each quarter of it ends: names of layers; 1.0: all of it, where the last layer's name is not fixed."""


APPLICATIONS: Mapping[str, Application] = MappingProxyType(
    {
        "VGG16": Application(least_side=32, cuts=("block2_pool", "block3_pool", "block4_pool", "block5_pool")),
        "InceptionV3": Application(least_side=75, cuts=("mixed2", "mixed4", "mixed7", "mixed10")),
        "ResNet50V2": Application(
            least_side=32, cuts=("conv2_block3_out", "conv3_block4_out", "conv4_block6_out", "post_relu")
        ),
        "MobileNetV2": Application(least_side=32, cuts=("block_2_add", "block_5_add", "block_12_add", "out_relu")),
        "MobileNetV3Small": Application(
            least_side=32, cuts=("expanded_conv_2_add", "expanded_conv_5_add", "expanded_conv_9_add", 1.0)
        ),
        "EfficientNetV2B0": Application(
            least_side=32, cuts=("block3b_add", "block4c_add", "block5e_add", "top_activation")
        ),
        "ConvNeXtTiny": Application(
            least_side=32,
            cuts=(*(f"convnext_tiny_downsampling_block_{number}" for number in range(3)), 1.0),  # type: ignore[arg-type]
        ),
    }
)


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """A pretrained network; only what lies below the cut is used of it."""

    name: str
    """A network in `APPLICATIONS`, or `EXPORTED`."""
    weights: str = IMAGENET
    """"imagenet": Keras' download; "none": random, the same in every trial; else the path of a file."""
    digest: str | None = None
    """"sha256:..." of that file, checked before it is read."""

    def __post_init__(self) -> None:
        check_one_of("backbone", self.name, (*APPLICATIONS, EXPORTED))
        is_file = self.weights not in (IMAGENET, NONE)
        if is_file and not (self.digest or "").startswith("sha256:"):
            raise RecordError(f"invalid digest {self.digest!r} of {self.weights}: expected sha256:...")
        if self.name == EXPORTED and not is_file:
            raise RecordError(f"invalid weights {self.weights!r} of an exported backbone: expected its file's path")

    def cut(self, quarters: int) -> Cut:
        """Return where its first, second, third or fourth quarter ends."""
        return quarters / 4 if self.name == EXPORTED else APPLICATIONS[self.name].cuts[quarters - 1]

    def side(self, wanted: int) -> int:
        """Return a side of images in pixels: `wanted`, or more where the network needs more."""
        return max(wanted, APPLICATIONS[self.name].least_side)


@dataclass(frozen=True, kw_only=True)
class Backbones:
    """The pretrained networks that a space may choose from: all in `APPLICATIONS`, or those that `--backbone` names."""

    names: tuple[str, ...] = tuple(APPLICATIONS)
    weights: str = IMAGENET
    digest: str | None = None
    """"sha256:..." of the weights' file."""

    @property
    def are_exported(self) -> bool:
        """Whether it is a single model from a file, which comes with a size of images of its own."""
        return self.names == (EXPORTED,)

    def named(self, name: str) -> Backbone:
        """Return one of them."""
        return Backbone(name=name, weights=self.weights, digest=self.digest)


OURS = Backbones()
"""All networks in `APPLICATIONS`, with ImageNet weights."""


def find_backbones(text: str | None) -> Backbones:
    """Return the networks that `--backbone` names.

    Args:
        text: a network ("VGG16", with ImageNet weights), a network with a file of weights
            ("VGG16:weights.h5") or with random ones ("VGG16:none"), a whole model ("model.keras"),
            "imagenet" or "none" for all networks with such weights; None: as "imagenet".

    Raises:
        UnknownNameError: no such network.
        UsageError: a file of another kind.
        DataError: no such file.
    """
    names, weights = _read(text)
    if weights in (IMAGENET, NONE):
        return Backbones(names=names, weights=weights)
    file = Path(weights).expanduser().absolute()
    if not file.is_file():
        raise DataError(f"--backbone: no such file: {weights}")
    return Backbones(names=names, weights=str(file), digest=f"sha256:{sha256_of(file)}")


def is_same_backbone(now: str | None, then: str | None) -> bool:
    """Whether two texts for `find_backbones` name the same networks and weights; all files count as the same."""
    (names, weights), (names_then, weights_then) = _read(now), _read(then)
    are_files = not {weights, weights_then} & {IMAGENET, NONE}
    return names == names_then and (weights == weights_then or are_files)


def _read(text: str | None) -> tuple[tuple[str, ...], str]:
    """Return the names of the networks, and "imagenet", "none" or the path of a file."""
    if text is None or text in (IMAGENET, NONE):
        return tuple(APPLICATIONS), text or IMAGENET
    if text.endswith(".keras"):
        return (EXPORTED,), text
    typed, _, weights = text.partition(":")
    name = next((name for name in APPLICATIONS if name.lower() == typed.lower()), None)
    if name is None:
        hint = "Your own model: --backbone path/to/model.keras"
        raise UnknownNameError("backbone", typed, APPLICATIONS, plural="backbones", hint=hint)
    if weights not in ("", IMAGENET, NONE) and not weights.endswith(".h5"):
        raise UsageError(
            f"invalid weights {weights!r} in --backbone: expected imagenet, none, or a file such as "
            f"{name}:weights.h5. A whole model (.keras) takes no weights."
        )
    return (name,), weights or IMAGENET
