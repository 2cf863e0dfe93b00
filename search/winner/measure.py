"""Measures the winner of a search on the test images, each winner once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from objectives.data.images.pixels import resized
from objectives.messages import Predictions, TrainingFailure, WinnerMeasured
from reports.classifier.classification import LOOKS
from reports.classifier.intervals import metric_score, wilson
from reports.classifier.mistakes import worth_a_look
from reports.stored import layout
from reports.stored.confirmation import Kind
from reports.stored.records import Measurement, Refit, RunRecord, schema
from reports.stored.run import Thumbnails
from reports.wording import duration
from search.progress.protocol import Progress
from search.results.model_files import card_of, script_of
from search.results.run_folder import RunFolder
from search.workers.protocol import Measured, Notice, PartMeasured, TrainingFailed, Workers
from search.workers.stalls import StallDetector, attempts_allowed
from spaces.errors import StorageError, TamizError

THUMBNAIL_SIDE = 96
"""Pixels of a thumbnail at most."""


@dataclass(frozen=True, kw_only=True)
class HandedOver:
    """The model that is the answer of a study, which was chosen without the test images."""

    trial: int
    kind: Kind
    place: str
    """Folder of its model and recipe, relative to the run folder."""
    seed: int | None = None
    """As `Measurement.seed`."""
    refit: Refit | None = None
    """As `Measurement.refit`."""


def measure_winner(
    chosen: HandedOver,
    *,
    record: RunRecord,
    test_images: NDArray[np.uint8],
    folder: RunFolder,
    workers: Workers,
    progress: Progress,
    stalls: StallDetector,
) -> Measurement:
    """Measure the model that is handed over on the test images, unless an earlier run measured the same one.

    Args:
        chosen: that model.
        record: of the run.
        test_images: uint8 (n, height, width, channels); small copies of the hardest are kept for the report.
        folder: where the trial is, and the winner will be.
        workers: one of them measures.
        progress: where it is reported.
        stalls: detects that a worker hangs.

    Returns:
        The measurement.

    Raises:
        TamizError: the winner's model is missing, or it cannot be measured (see `measure_with_retry`).
    """
    earlier, number = folder.read_measurement(), chosen.trial
    if earlier is not None and (earlier.trial, earlier.seed, earlier.refit) == (
        number,
        chosen.seed,
        chosen.refit,
    ):  # the same model, which may be confirmed by now
        measurement = replace(earlier, kind=chosen.kind)
        if measurement != earlier:
            folder.write_measurement(measurement)
        return measurement
    progress.phase(f"measuring trial {number} on the test images")
    try:
        model = (folder.path / chosen.place / layout.MODEL).read_bytes()
    except OSError:
        raise TamizError(
            f"the model of trial {number}, the best, is missing from {folder.path / chosen.place}"
        ) from None
    winner = measure_with_retry(number, model, workers=workers, progress=progress, stalls=stalls)
    measurement = replace(
        measurement_of(number, winner.predictions, metric=record.metric),
        kind=chosen.kind,
        seed=chosen.seed,
        refit=chosen.refit,
    )
    folder.write_winner(
        measurement,
        winner,
        place=chosen.place,
        thumbnails=thumbnails_of(winner.predictions, test_images),
        card=card_of(record, number, model, with_validation=chosen.refit is not None),
        script=script_of(folder, record, number, model=model),
    )
    return measurement


def measure_with_retry(
    trial: int, model: bytes, *, workers: Workers, progress: Progress, stalls: StallDetector
) -> WinnerMeasured:
    """Let a worker measure a trial's model on the test images, and another one if that worker is lost.

    Args:
        trial: its number.
        model: its `.keras` file.
        workers: of the search, which has ended.
        progress: where images measured, and workers lost, are reported.
        stalls: detects that a worker hangs, which is then abandoned.

    Raises:
        TamizError: the model cannot be measured.
        StorageError: too many workers were lost with it; the run can be resumed.
    """
    is_asked, attempt = False, 1
    while True:
        if not is_asked and workers.idle:
            workers.measure(trial, model)
            is_asked = True
        for _ in stalls.stalled([trial] if is_asked else []):
            silence = duration(stalls.limit_seconds)
            message = f"worker reported nothing for {silence} while measuring (--trial-stall limits this)"
            workers.give_up(trial, TrainingFailure(cause="hung", message=message))
        match workers.next_event(timeout_seconds=1.0):
            case PartMeasured() as event:
                stalls.reported(trial, seconds=0.0)
                progress.phase_reached(event.done, event.images, "image")
            case Measured() as event:
                return event.winner
            case TrainingFailed(failure=failure) as event if is_asked and event.trial == trial:
                allowed = attempts_allowed(failure)
                if attempt >= allowed:
                    problem = f"trial {trial} could not be measured: {failure.message}"
                    raise TamizError(problem) if allowed == 1 else StorageError(f"{problem}, {attempt} times")
                is_asked, attempt = False, attempt + 1  # a lost worker says nothing about the model
                progress.note(f"trial {trial}: {failure.message} - measuring it again (attempt {attempt}/{allowed})")
            case Notice(line=line):
                progress.note(line)
            case _:
                continue


def measurement_of(trial: int, predictions: Predictions, *, metric: str) -> Measurement:
    """Return the accuracy of predictions, and the metric that the study optimises, with their 95 % intervals."""
    images = len(predictions.labels)
    correct = int((predictions.probabilities.argmax(axis=1) == predictions.labels).sum())
    return Measurement(
        schema=schema,
        trial=trial,
        correct=correct,
        images=images,
        accuracy=correct / images,
        interval_95=wilson(correct, images),
        score=metric_score(metric, predictions),
    )


def thumbnails_of(predictions: Predictions, images: NDArray[np.uint8]) -> Thumbnails:
    """Return small copies of the images (m, height, width, channels) that a report may show."""
    positions = worth_a_look(predictions, most=LOOKS)
    height, width = images.shape[1:3]
    shrink = min(1.0, THUMBNAIL_SIDE / max(height, width))
    small = resized(
        images[positions],
        height=max(1, round(height * shrink)),
        width=max(1, round(width * shrink)),
        resize="stretch",
    )
    return Thumbnails(pixels=dict(zip(positions.tolist(), small, strict=True)))
