"""The end of a search: the winner is measured on the test images, once."""

from __future__ import annotations

from objectives.records import Predictions
from reports.intervals import wilson
from reports.records import Measurement, schema
from search.progress import Progress
from search.run_folder import RunFolder
from search.study import Study
from search.workers import Measured, TrainingFailed, Workers
from spaces.errors import TamizError


def measure_winner(study: Study, *, folder: RunFolder, workers: Workers, progress: Progress) -> Measurement | None:
    """Measure the best trial on the test images, unless an earlier run measured the same one.

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
    predictions = _predict(best.number, model, workers)
    measurement = measurement_of(best.number, predictions)
    folder.write_winner(measurement, predictions)
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


def _predict(trial: int, model: bytes, workers: Workers) -> Predictions:
    asked = False
    while True:
        if not asked and workers.idle:
            workers.measure(trial, model)
            asked = True
        match workers.next_event(timeout_seconds=1.0):
            case Measured() as event:
                return event.predictions
            case TrainingFailed() as event if asked and event.trial == trial:
                raise TamizError(f"the winner, trial {trial}, could not be measured: {event.failure.message}")
            case _:
                continue
