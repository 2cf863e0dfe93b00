"""Everything before the first trial: the data, its split, and the run's record."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from objectives.data.directories import DataDirectories
from objectives.data.loading import load
from objectives.data.records import Dataset, Split
from objectives.data.splitting import split
from objectives.evaluation.metrics import METRICS
from objectives.messages import Examples, StudyData
from reports.stored.records import DataRecord, RunRecord, schema
from search.progress.protocol import Progress
from search.results.run_folder import RunFolder
from search.settings import RunSettings
from spaces.errors import StudyConflictError
from spaces.space import Space

PACKAGES = ("tamiz", "keras", "tensorflow", "jax", "torch", "optuna", "ray", "numpy", "scikit-learn", "pillow")
BINDING = ("space", "data", "metric", "epochs", "train_images", "image_size", "resize", "seed", "backbone")
"""Settings that trials of one study must share, for their scores to be comparable."""
_most_differences = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """A run that is ready to ask for its first trial."""

    dataset: Dataset
    split: Split
    record: RunRecord

    @property
    def study_data(self) -> StudyData:
        """What the workers hold; no array is copied."""
        dataset = self.dataset
        return StudyData(
            train=Examples(images=dataset.images, labels=dataset.labels, indices=self.split.train),
            validation=Examples(images=dataset.images, labels=dataset.labels, indices=self.split.validation),
            test=Examples(
                images=dataset.test_images,
                labels=dataset.test_labels,
                indices=np.arange(len(dataset.test_labels), dtype=np.int32),
            ),
            classes=dataset.classes,
        )


def prepare(
    settings: RunSettings,
    *,
    space: Space,
    folder: RunFolder,
    command: str,
    progress: Progress,
    begin: Callable[[RunRecord], None] = lambda record: None,
) -> Prepared:
    """Load and split the data, and write the run's record, or check it against the one that is there.

    Args:
        settings: of the run.
        space: what they name.
        folder: the study's.
        command: the command line that repeats the run.
        progress: told what goes on.
        begin: called once, before the record of a new study is written.

    Raises:
        DataError: no usable data.
        StudyConflictError: the study was begun with other data, another space or other settings.
    """
    dataset = load_data(settings, progress)
    chosen = split(dataset, seed=settings.seed, train_images=settings.train_images)
    record = _run_record(settings, space=space, dataset=dataset, chosen=chosen, command=command)
    earlier = folder.read_run()
    if earlier is None:
        begin(record)
    else:
        check_same(record, earlier)
        record = dataclasses.replace(record, created=earlier.created)
    folder.write_run(record, chosen)
    return Prepared(dataset=dataset, split=chosen, record=record)


def load_data(settings: RunSettings, progress: Progress) -> Dataset:
    """Load the data that the settings name, and say how far a first decoding is."""
    progress.phase(f"loading {settings.data}")
    said = 0

    def tell(done: int, total: int) -> None:
        nonlocal said
        if (tenth := 10 * done // total) > said:
            said = tenth
            progress.phase(f"loading {settings.data}: {done:,} of {total:,} images decoded")

    return load(
        settings.data,
        directories=DataDirectories.from_environment(),
        image_size=settings.image_size,
        skip_bad=settings.skip_bad,
        resize=settings.resize,
        progress=tell,
    )


def check_same(asked: RunRecord, earlier: RunRecord) -> None:
    """Refuse to continue a study with something that would make its scores incomparable.

    Raises:
        StudyConflictError: with a line for each difference.
    """
    if differences := differences_in_words(asked, earlier):
        widened = not differences_in_words(asked, earlier, but=("space",))
        raise other_study(asked.study, differences, may_fork=widened)


def check_same_settings(settings: RunSettings, earlier: RunRecord) -> None:
    """Refuse, without looking at any data, what `check_same` would refuse; raises StudyConflictError."""
    if differences := _other_settings(dataclasses.asdict(settings), earlier):
        raise other_study(settings.study, differences)


def differences_in_words(asked: RunRecord, earlier: RunRecord, *, but: Sequence[str] = ()) -> list[str]:
    """Return a line for each difference that makes the scores of two runs incomparable.

    Args:
        asked: the new run.
        earlier: the one before.
        but: names of `BINDING` that may differ; "space": with its file.
    """
    differences = _other_settings(asked.settings, earlier, but=but)
    if earlier.data.fingerprint != asked.data.fingerprint:
        differences.append(f"  images: {earlier.data.fingerprint[:19]} then, {asked.data.fingerprint[:19]} now")
    if earlier.space_digest != asked.space_digest and "space" not in but:
        differences.append("  the space's file has changed")
    if earlier.backbone_digest != asked.backbone_digest:
        differences.append("  the backbone's file has changed")
    return differences


def other_study(study: str, differences: Sequence[str], *, may_fork: bool = False) -> StudyConflictError:
    """Return the error that names, in a line each, what differs from how a study was begun."""
    shown = [*differences[:_most_differences]]
    if len(differences) > _most_differences:
        shown[-1] = f"  and {len(differences) - _most_differences + 1} more differences"
    fork = ", or --fork NEW: a new study that begins with its trials, where ranges were only widened"
    return StudyConflictError(
        "\n".join(
            [
                f"study '{study}' was begun with other settings, and its scores would not compare:",
                *shown,
                f"Choose another --study, or the settings of then{fork if may_fork else ''}.",
            ]
        )
    )


def _other_settings(asked: Mapping[str, Any], earlier: RunRecord, *, but: Sequence[str] = ()) -> list[str]:
    return [
        f"  {name}: {earlier.settings.get(name)} then, {asked.get(name)} now"
        for name in BINDING
        if earlier.settings.get(name) != asked.get(name) and name not in but
    ]


def _run_record(
    settings: RunSettings,
    *,
    space: Space,
    dataset: Dataset,
    chosen: Split,
    command: str,
) -> RunRecord:
    used = dataset.labels[np.concatenate([chosen.train, chosen.validation])]
    return RunRecord(
        schema=schema,
        study=settings.study,
        space=settings.space,
        space_summary=space.summary,
        space_digest=space.digest,
        backbone_digest=space.backbones.digest,
        metric=settings.metric,
        direction=METRICS[settings.metric].direction,
        epochs=settings.epochs,
        settings=dataclasses.asdict(settings),
        data=DataRecord(
            name=dataset.name,
            fingerprint=dataset.fingerprint,
            classes=dataset.classes,
            train=len(chosen.train),
            validation=len(chosen.validation),
            test=len(dataset.test_labels),
            height=dataset.shape.height,
            width=dataset.shape.width,
            channels=dataset.shape.channels,
            class_counts=tuple(int(n) for n in np.bincount(used, minlength=len(dataset.classes))),
            bad_files=tuple((bad.path, bad.problem) for bad in dataset.bad_files),
        ),
        baselines=space.baselines,
        versions=versions(),
        command=command,
        created=now(),
    )


def versions() -> dict[str, str]:
    """Return the versions of what a result depends on, and the backend of Keras."""
    found = {"python": platform.python_version(), "backend": os.environ.get("KERAS_BACKEND", "tensorflow")}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def now() -> str:
    """Return the time as ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
