"""The records that a run folder holds: what the search writes and a report reads (files: `reports.stored.layout`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from objectives.evaluation.metrics import Direction
from objectives.messages import Layer
from reports.stored.confirmation import Kind

TrialState = Literal["COMPLETE", "PRUNED", "FAIL"]
schema = 1


@dataclass(frozen=True, kw_only=True)
class DataRecord:
    """The data that a study is about."""

    name: str
    fingerprint: str
    classes: tuple[str, ...]
    train: int
    """Images trained on."""
    validation: int
    test: int
    height: int
    width: int
    channels: int
    class_counts: tuple[int, ...]
    """Training plus validation images of each class."""
    bad_files: tuple[tuple[str, str], ...] = ()
    """(path, problem) of each file left out."""
    pixel_ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """The stored values that are black and white; see `objectives.data.images.ranges`."""
    warnings: tuple[str, ...] = ()
    """What was found in the data and accepted with `--allow`: scores are to be read with it."""
    notes: tuple[str, ...] = ()
    """What else was found in the data."""


@dataclass(frozen=True, kw_only=True)
class TrainedOn:
    """Images that a model was trained on: rows of a dataset, by what chose them, so that no image can be told."""

    study: str
    name: str
    """Of the dataset, as its study named it."""
    data: str | None
    """Its fingerprint; None: not known, since the model's card is of an earlier version."""
    seed: int
    """Of the split."""
    train_images: int | None
    """The setting of the study."""
    split: str | None
    """"sha256:..." of the rows, from `objectives.data.splitting.split_digest`; None in studies of before."""
    with_validation: bool = False
    """Whether it was trained on the validation images too."""


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """`settings.json`: everything that was chosen before the first trial."""

    schema: int
    study: str
    space: str
    space_summary: str
    """First line of the space's docstring."""
    space_digest: str
    """"sha256:..." of the space's code, from `spaces.digest`; of its file's bytes in studies of before."""
    backbone_digest: str | None = None
    """"sha256:..." of the file that `--backbone` named; None: none."""
    backbone_trained_on: tuple[TrainedOn, ...] = ()
    """What a model of an earlier search, named by `--backbone`, was trained on."""
    backbone_note: str = ""
    """How many validation images were training images of that model; empty where there is none."""
    split_seed: int | None = None
    """Seed of the split, which that model may decide; None in studies of before, where it is `--seed`."""
    split_digest: str | None = None
    metric: str
    direction: Direction
    epochs: int
    settings: Mapping[str, Any]
    """Every resolved option of the command line, by its name there."""
    data: DataRecord
    baselines: Mapping[str, Mapping[str, Any]]
    """Name of each hand-made baseline to its parameters."""
    versions: Mapping[str, str]
    """Package to version: python, tamiz, optuna, keras, the backend, ray, numpy ..."""
    command: str
    """The command line that repeats the run."""
    created: str
    """ISO 8601, UTC."""
    places: Mapping[str, str] = field(default_factory=dict)
    """Setting that names a file or a folder to the absolute path of it; not read into a report."""
    corrects_averages: bool = False
    """As `objectives.messages.Objective.corrects_averages`; False in studies of before that existed."""

    @property
    def seed_of_split(self) -> int:
        """The seed by which the data are split."""
        seed = self.settings.get("seed")
        return self.split_seed if self.split_seed is not None else seed if isinstance(seed, int) else 0


@dataclass(frozen=True, kw_only=True)
class TrialRecord:
    """`trials/NNNN/result.json`: a trial that has ended."""

    schema: int
    trial: int
    state: TrialState
    score: float | None
    """Of the best epoch; None for a trial without one."""
    best_epoch: int | None
    epochs: int
    """Epochs trained."""
    params: Mapping[str, Any]
    baseline: str | None
    """Name of the hand-made baseline that this trial is; None: it is none."""
    start: str | None = None
    """Name of the space's recommended start that this trial is; None: it is none."""
    network: str | None = None
    """The network in words, from its own type, which only the search has loaded; None in trials of before."""
    parameters: int | None
    """Weights of the network."""
    seconds_building: float | None
    seconds_training: float
    seed: int
    attempt: int
    worker: str
    cause: str | None = None
    """Why it has no result, or ended early: as `objectives.messages.TrainingFailure.cause`."""
    message: str | None = None
    seconds_an_image: float | None = None
    """To predict one, in the fastest epoch; None where not the whole network predicted, and in trials of before."""
    note: str | None = None
    """How it was trained, where that is worth a line: whether features of a frozen part were shared."""
    device: str | None = None
    """What its worker's backend computed on, and how precisely; None in trials of before."""
    missing_memory: float | None = None
    """What was requested when its GPU ran out of memory, as a fraction of that GPU's; None: it did not."""
    started: str
    ended: str
    """ISO 8601, UTC."""


@dataclass(frozen=True, kw_only=True)
class MetricScore:
    """One metric on some images."""

    metric: str
    """Without "val_" where the images are not the validation images."""
    value: float
    interval_95: tuple[float, float]
    """Wilson's of an accuracy, of other metrics a stratified bootstrap's."""


@dataclass(frozen=True, kw_only=True)
class Refit:
    """How a winner was trained again on all images but the test images."""

    epochs: int
    images: int
    """Training and validation images together."""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """`best/measurement.json`: the winner on the test images."""

    schema: int
    trial: int
    correct: int
    images: int
    accuracy: float
    interval_95: tuple[float, float]
    """Wilson's score interval of the accuracy."""
    score: MetricScore | None = None
    """The metric that the study optimises; None in studies of before."""
    kind: Kind = "search"
    seed: int | None = None
    """Of the training whose model it is; None: the trial's own."""
    refit: Refit | None = None
    """Of a refit, which has the trial's recipe and seed."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """A model of an ensemble."""

    trial: int
    count: int
    """How often it was chosen: its weight in the mean."""


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """`model_card.json`, beside a `model.keras`: what is needed to use it, and to check that it is unchanged."""

    schema: int
    study: str
    trial: int
    """Of an ensemble: the member that counts most."""
    sha256: str
    """Of the `.keras` file, in hexadecimal digits."""
    classes: tuple[str, ...]
    """In the order of the probabilities."""
    height: int
    width: int
    channels: int
    resize: str
    """How an image of another size is brought to this one: see `objectives.data.images.decoding`."""
    pixel_ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """As in `DataRecord`."""
    members: tuple[Member, ...] = ()
    """Of an ensemble."""
    trained_on: tuple[TrainedOn, ...] | None = None
    """The images of its study first, then those of the backbone that it began with; None in cards of before."""


@dataclass(frozen=True, kw_only=True)
class FeatureMap:
    """One layer whose outputs are pictured in `feature_maps.npz`."""

    layer: str
    array: str
    """Name of its array in the file."""


@dataclass(frozen=True, kw_only=True)
class Inside:
    """`best/inside.json`: what the winner looks like inside."""

    schema: int
    layers: tuple[Layer, ...]
    maps: tuple[FeatureMap, ...] = ()
    """In the order of the network."""
    map_classes: tuple[int, ...] = ()
    """Classes of the images that were shown to the network, one image a class."""
    map_images: tuple[int, ...] = ()
    """Positions of those images among the test images."""
