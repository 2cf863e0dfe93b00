"""The end of a search: the winner is measured on the test images, once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from objectives.data.pixels import resized
from objectives.records import Predictions, WinnerMeasured
from reports.findings import LOOKS
from reports.intervals import wilson
from reports.mistakes import worth_a_look
from reports.records import Measurement, schema
from reports.run import Thumbnails
from search.budget import Budget
from search.model_files import card_of, script_of
from search.preparation import Prepared
from search.progress import Progress
from search.run_folder import RunFolder
from search.study import Study
from search.workers import Measured, TrainingFailed, Workers
from spaces.errors import TamizError

THUMBNAIL_SIDE = 96
"""Pixels of a thumbnail at most."""


def measure_winner(
    study: Study, *, prepared: Prepared, folder: RunFolder, workers: Workers, progress: Progress
) -> Measurement | None:
    """Measure the best trial on the test images, unless an earlier run measured the same one.

    Args:
        study: knows the best trial.
        prepared: the run; small copies of its hardest test images are kept for the report.
        folder: where the trial is, and the winner will be.
        workers: one of them measures.
        progress: told what goes on.

    Returns:
        The measurement; None while no trial has completed.

    Raises:
        TamizError: the winner's model is missing, or the worker that measured it failed.
    """
    best = study.best()
    if best is None:
        return None
    earlier = folder.read_measurement()
    if earlier is not None and earlier.trial == best.number:
        return earlier
    progress.phase(f"measuring trial {best.number} on the test images")
    model = folder.read_model(best.number)
    if model is None:
        raise TamizError(f"the model of trial {best.number}, the best, is missing from {folder.trial(best.number)}")
    winner = _measured(best.number, model, workers)
    measurement = measurement_of(best.number, winner.predictions)
    folder.write_winner(
        measurement,
        winner,
        thumbnails=thumbnails_of(winner.predictions, prepared.dataset.test_images),
        card=card_of(prepared.record, best.number, model),
        script=script_of(folder, prepared.record, best.number, model=model),
    )
    return measurement


def measurement_of(trial: int, predictions: Predictions) -> Measurement:
    """Return the accuracy of predictions with Wilson's 95 % interval."""
    images = len(predictions.labels)
    correct = int((predictions.probabilities.argmax(axis=1) == predictions.labels).sum())
    return Measurement(
        schema=schema,
        trial=trial,
        correct=correct,
        images=images,
        accuracy=correct / images,
        interval_95=wilson(correct, images),
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


def _measured(trial: int, model: bytes, workers: Workers) -> WinnerMeasured:
    asked, attempt = False, 1
    while True:
        if not asked and workers.idle:
            workers.measure(trial, model)
            asked = True
        match workers.next_event(timeout_seconds=1.0):
            case Measured() as event:
                return event.winner
            case TrainingFailed() as event if asked and attempt < Budget.attempts(event.failure):
                asked, attempt = False, attempt + 1  # a lost worker is no fault of the model
            case TrainingFailed() as event if asked and event.trial == trial:
                raise TamizError(f"the winner, trial {trial}, could not be measured: {event.failure.message}")
            case _:
                continue
