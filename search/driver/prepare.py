"""Preparation of a run: loads and splits the data, and makes the run's record."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from objectives.data.directories import DataDirectories
from objectives.data.loading import load
from objectives.data.records import Dataset, Split
from objectives.data.splitting import split_digest
from objectives.evaluation.metrics import METRICS
from objectives.messages import Examples, StudyData
from reports.stored.records import DataRecord, RunRecord, schema
from search.algorithms.pruners import PRUNERS
from search.driver.compatibility import check_same, may_start_over
from search.presets import PRESETS
from search.progress.protocol import Progress
from search.results.backbone_images import ChosenSplit, choose_split
from search.results.places import place_of
from search.results.run_folder import RunFolder
from search.settings import OPTIONS, RunSettings
from search.study.own_values import own_starts
from search.system.environment import now, versions
from spaces.errors import DataError
from spaces.space import Space

_uncorrected = (
    "this study was created before running averages of batch norm were corrected; it continues without, so that its "
    "scores stay comparable"
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """A run before its first trial."""

    dataset: Dataset
    split: Split
    record: RunRecord
    is_new: bool
    """Whether the run folder has no record yet."""
    starts_over: bool
    """Whether the trials of earlier runs are to be removed, see `search.driver.compatibility`."""

    @property
    def study_data(self) -> StudyData:
        """The data of the workers; no array is copied."""
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
    places: Mapping[str, str],
    command: str,
    progress: Progress,
) -> Prepared:
    """Load and split the data, and make the run's record; it must agree with the one in the folder, if there is one.

    Args:
        settings: of the run.
        space: the one that they name.
        folder: the study's.
        places: where the files lie that the settings name, see `search.results.places`.
        command: the command line that repeats the run.
        progress: where loading is reported.

    Raises:
        DataError: the data cannot be used.
        StudyConflictError: the study was created with other data, another space or other settings.
        UsageError: the user's own values do not fit the space.
    """
    dataset = _load_data(settings, place_of("data", settings.data, places), progress)
    for finding in dataset.findings:
        progress.note(finding.text)
    if space.own:  # refused before the study has a folder
        own_starts(space, images=dataset.shape, classes=len(dataset.classes))
    earlier = folder.read_run()
    chosen = choose_split(
        dataset,
        seed=settings.seed,
        train_images=settings.train_images,
        backbones=space.backbones,
        earlier=earlier,
    )
    _check_backbone(chosen, settings, progress)
    record = _run_record(settings, space=space, dataset=dataset, chosen=chosen, places=places, command=command)
    if settings.preset is not None:
        progress.info(_preset_line(settings))
    if settings.pruner == "curve" and settings.epochs == 1:
        progress.note("--pruner curve stops no trial of one epoch: it decides between epochs")
    starts_over = earlier is not None and may_start_over(folder, record, earlier)
    if earlier is not None and not starts_over:
        record = dataclasses.replace(record, created=earlier.created, corrects_averages=earlier.corrects_averages)
        check_same(record, earlier)
        if not record.corrects_averages:
            progress.note(_uncorrected)
        if (pruner := earlier.settings.get("pruner")) not in PRUNERS:
            progress.note(f"pruner '{pruner}' does not exist any more; the study continues with '{settings.pruner}'")
    return Prepared(dataset=dataset, split=chosen.split, record=record, is_new=earlier is None, starts_over=starts_over)


def _check_backbone(chosen: ChosenSplit, settings: RunSettings, progress: Progress) -> None:
    """Report what is known of the backbone's images; refuse those that validate, unless they are allowed."""
    found = chosen.finding
    if found is None:
        return
    if found.allow and found.allow not in (settings.allow or ()):
        raise DataError(f"{found.text}.\n{chosen.advice}. To search all the same: --allow {found.allow}")
    progress.note(f"warning: {found.text}" if found.allow else found.text)


def _preset_line(settings: RunSettings) -> str:
    """Return what a preset set, as options."""
    options = [OPTIONS[name] for name in PRESETS[settings.preset or ""].options]
    words = [word for option in options for word in option.words(getattr(settings, option.field))]
    return f"preset {settings.preset}: {' '.join(words)}; --trials follows from the speed of the first trial"


def _load_data(settings: RunSettings, place: str, progress: Progress) -> Dataset:
    """Load the data that the settings name from where they lie, and report the progress of a first decoding."""
    progress.phase(f"loading {settings.data}")
    shown = 0

    def show(done: int, total: int) -> None:
        nonlocal shown
        if (tenth := 10 * done // total) > shown:
            shown = tenth
            progress.phase(f"loading {settings.data}: {done:,} of {total:,} images decoded")

    return load(
        place,
        directories=DataDirectories.from_environment(),
        image_size=settings.image_size,
        skip_bad=settings.skip_bad,
        resize=settings.resize,
        pixel_range=settings.pixel_range,
        parts=settings.parts or (),
        allow=settings.allow or (),
        progress=show,
    )


def _run_record(
    settings: RunSettings,
    *,
    space: Space,
    dataset: Dataset,
    chosen: ChosenSplit,
    places: Mapping[str, str],
    command: str,
) -> RunRecord:
    found = chosen.finding
    findings = (*dataset.findings, *filter(None, [found]))
    # With --train-images only part of the images is used, and only those are counted.
    used = dataset.labels[np.concatenate([chosen.split.train, chosen.split.validation])]
    return RunRecord(
        schema=schema,
        study=settings.study,
        space=settings.space,
        space_summary=space.summary,
        space_digest=space.digest,
        backbone_digest=space.backbones.digest,
        backbone_trained_on=chosen.seen,
        backbone_note=found.text if found is not None and not found.allow else "",
        split_seed=chosen.split.seed,
        split_digest=split_digest(chosen.split),
        metric=settings.metric,
        direction=METRICS[settings.metric].direction,
        epochs=settings.epochs,
        settings=dataclasses.asdict(settings),
        data=DataRecord(
            name=dataset.name,
            fingerprint=dataset.fingerprint,
            classes=dataset.classes,
            train=len(chosen.split.train),
            validation=len(chosen.split.validation),
            test=len(dataset.test_labels),
            height=dataset.shape.height,
            width=dataset.shape.width,
            channels=dataset.shape.channels,
            class_counts=tuple(int(n) for n in np.bincount(used, minlength=len(dataset.classes))),
            bad_files=tuple((bad.path, bad.problem) for bad in dataset.bad_files),
            pixel_ranges=dataset.pixel_ranges,
            warnings=tuple(finding.text for finding in findings if finding.allow),
            notes=tuple(finding.text for finding in dataset.findings if not finding.allow),
        ),
        baselines=space.baselines,
        versions=versions(),
        command=command,
        created=now(),
        places=places,
        corrects_averages=True,
    )
