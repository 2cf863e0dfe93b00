"""Records exchanged by workers and the driver: plain values and arrays."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from spaces.recipe import Recipe

if TYPE_CHECKING:
    import numpy as np  # not at run time: `--help` reads stored records without it
    from numpy.typing import NDArray

Part = Literal["train", "all"]
"""What a training is trained on: the training images, or these and the validation images together."""


class Decision(enum.Enum):
    """What happens to a training after an epoch report."""

    CONTINUE = "continue"
    """Train another epoch."""
    PRUNE = "prune"
    """Stop: others do better. The result is kept."""
    FINISH = "finish"
    """Stop: all epochs are done."""
    PAUSE = "pause"
    """Stop for now, with a checkpoint from which a later run resumes."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Examples:
    """Some images of a larger array with their labels; nothing is copied.

    `images[indices]` and `labels[indices]` are the examples.
    """

    images: NDArray[np.uint8]
    """(all, height, width, channels); may be read-only, a memory map, or in Ray's object store.
    For a head that is trained on features of a frozen part: float feature maps instead."""
    labels: NDArray[np.int32]
    """(all,) class indices."""
    indices: NDArray[np.int32]
    """(n,) rows that these examples are, in a fixed order."""

    def __len__(self) -> int:
        return len(self.indices)


@dataclass(frozen=True, kw_only=True, eq=False)
class StudyData:
    """What a worker holds: all the images of one study, once."""

    train: Examples
    validation: Examples
    test: Examples | None
    """Used by winners alone, each once, after a search."""
    classes: tuple[str, ...]

    def trained_on(self, part: Part) -> StudyData:
        """Return the data of a training on a part: "all" puts the validation images among the training images.

        They stay the validation images too, by which nothing may then be chosen.
        """
        if part == "train":
            return self
        import numpy as np

        train, validation = self.train, self.validation
        if train.images is not validation.images:
            raise ValueError("training and validation images lie in different arrays")
        rows = np.union1d(train.indices, validation.indices).astype(np.int32)
        return replace(self, train=replace(train, indices=rows))


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What each recipe of a study is measured by."""

    metric: str
    """A name in `objectives.evaluation.metrics.METRICS`."""
    epochs: int
    """Epochs of a training that is not pruned."""
    corrects_averages: bool = True
    """Whether batch norm's running averages are freed of their initial values: not in studies of before."""


@dataclass(frozen=True, kw_only=True)
class EpochReport:
    """What one epoch produced."""

    epoch: int
    """From 1."""
    score: float
    """The objective's metric on the validation images, after this epoch. Where these were trained on too, it
    only says whether the training converges: it is not a score, and must not be shown or compared as one."""
    metrics: Mapping[str, float]
    """loss, accuracy (training images, averaged over the epoch) and each validation metric by name."""
    seconds: float
    """Wall time of the epoch, validation included."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """Class probabilities for some images, with the truth."""

    probabilities: NDArray[np.float32]
    """(n, classes), rows sum to 1."""
    labels: NDArray[np.int32]
    """(n,)"""
    images: NDArray[np.int32]
    """(n,) positions of the images in their split (validation: positions in the training images)."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One row of a network's layer table."""

    name: str
    kind: str
    """Keras' class name: Conv2D, MaxPooling2D ..."""
    output: tuple[int, ...]
    """Shape of the output, without the batch."""
    parameters: int


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerMaps:
    """A layer's output for some images."""

    layer: str
    pixels: NDArray[np.uint8]
    """(images, height, width, channels shown), each map stretched to 0..255."""


@dataclass(frozen=True, kw_only=True, eq=False)
class NetworkInside:
    """A network's layers, and its feature maps of one image a class."""

    layers: tuple[Layer, ...]
    maps: tuple[LayerMaps, ...]
    """In the order of the network."""
    classes: tuple[int, ...]
    """Class of each image that was shown."""
    images: tuple[int, ...]
    """Positions of those images in their split."""


@dataclass(frozen=True, kw_only=True, eq=False)
class WinnerMeasured:
    """What a worker returns for a winner."""

    predictions: Predictions
    """On the test images."""
    inside: NetworkInside | None
    """None: the network could not be inspected; the log says why."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingResult:
    """The result of a training: its best epoch, or its last one where it was trained on the validation images too."""

    score: float
    """Of that epoch; see `EpochReport.score`."""
    best_epoch: int
    """From 1; the epoch whose weights the predictions and the model have."""
    epochs: int
    """Epochs trained."""
    parameters: int
    """Weights of the network, trained or not."""
    seconds_building: float
    """From the recipe to the first batch: build and compile."""
    seconds_training: float
    """Inside epochs."""
    predictions: Predictions
    """On the validation images."""
    model: bytes | None
    """The `.keras` file: uint8 or float images 0..255 in, probabilities out; None where not asked for."""
    seconds_an_image: float | None = None
    """To predict a validation image, in the fastest epoch; None where not the whole network predicted."""
    note: str | None = None
    """One line about how it was trained, such as that features were shared; None: nothing special."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Checkpoint:
    """The state of a training between two epochs, from which one of the same recipe, data and seed resumes."""

    recipe: Recipe
    seed: int
    reports: tuple[EpochReport, ...]
    """Of the epochs done, from the first; at least one."""
    variables: tuple[NDArray[Any], ...]
    """Weights, running statistics and the states of random generators, in the network's order; what stays
    frozen is left out. The order of the images needs no state: seed and epoch decide it."""
    optimizer: tuple[NDArray[Any], ...]
    """Its step, which places the learning rate's schedule, and its moments."""
    best_epoch: int
    """From 1."""
    best_weights: tuple[NDArray[Any], ...]
    """After the best epoch, without what stays frozen."""
    best_probabilities: NDArray[np.float32]
    """(n, classes) for the validation images, after the best epoch."""
    seconds: float = 0.0
    """Wall time that making it took."""

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.reports)


@dataclass(frozen=True, kw_only=True)
class TrainingTask:
    """One training as it travels to a worker."""

    trial: int
    """The trial's number."""
    recipe: Recipe
    seed: int
    attempt: int = 1
    """From 1; more after a worker was lost."""
    checkpoint: Checkpoint | None = None
    """Where to resume, of a training on the same part over as many epochs; None: at the first epoch."""
    part: Part = "train"
    """With "all", the last epoch's weights are kept, since no image is left to choose an epoch by."""
    epochs: int | None = None
    """Over which the learning rate's schedule runs; None: those of the study's `Objective`."""
    needs_whole_gpu: bool = False
    """Whether no other worker may use its GPU meanwhile: beside others it ran out of that GPU's memory."""


@dataclass(frozen=True, kw_only=True)
class TrainingFailure:
    """Why a training ended without a result."""

    cause: Literal["diverged", "host_oom", "gpu_oom", "invalid", "error", "worker_lost", "hung", "timeout"]
    message: str
    """One line: what happened, and at which epoch."""
    traceback: str = ""
    corrupts_process: bool = False
    """Whether the process that it happened in may be damaged: memory ran out, or the backend itself failed."""
    requested_bytes: int | None = None
    """What was requested when memory ran out; None: it did not, or the backend does not report it."""
    shares_gpu: bool = False
    """Whether other workers were on its GPU, whose memory may be what was missing."""
