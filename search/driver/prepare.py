"""Everything before the first trial: the data, its split, and the run's record."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from objectives.data.directories import DataDirectories
from objectives.data.loading import load
from objectives.data.records import Dataset, Split
from objectives.data.splitting import split
from objectives.evaluation.metrics import METRICS
from objectives.messages import Examples, StudyData
from reports.stored.records import DataRecord, RunRecord, schema
from search.driver.compatibility import check_same
from search.progress.protocol import Progress
from search.results.run_folder import RunFolder
from search.settings import RunSettings
from search.system.environment import now, versions
from spaces.space import Space


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
