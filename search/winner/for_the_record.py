"""Measures the best of the search, the best baseline and the best start on the test images, for the record."""

from __future__ import annotations

import json
from dataclasses import replace

from objectives.files import predictions as stored_predictions
from objectives.files.atomic import write_whole
from objectives.messages import Predictions
from reports.classifier.on_test import against_answer, on_test
from reports.stored import layout
from reports.stored.for_the_record import ANSWER, SEARCH, ForTheRecord, RecordRow, recorded_trials
from reports.stored.records import RunRecord, schema
from search.system.signals import Stopped
from search.trainings.parts import SearchParts
from search.winner.measure import measure_with_retry
from search.workers.stalls import StallDetector
from spaces.errors import RecordError, TamizError, first_line
from spaces.records import to_plain

NOT_KEPT = "its model was not kept"


def measure_for_the_record(parts: SearchParts, *, record: RunRecord) -> None:
    """Measure what is to be seen beside the model that is handed over, which has been measured, and record it.

    Which trials these are was decided by the validation images. Each is measured once; what cannot be measured is left
    out, with the reason.

    Args:
        parts: of the search, which has ended.
        record: of the run.

    Raises:
        Stopped: the search was asked to stop; the next run measures the others.
    """
    folder, answer = parts.folder, parts.folder.read_measurement()
    if answer is None:
        return
    try:
        of_answer = stored_predictions.load(folder.best / layout.PREDICTIONS)
    except RecordError as error:
        parts.progress.note(f"nothing is measured for the record: {first_line(error)}")
        return
    trials, metric = folder.read_trials(), record.metric
    name = next((one.baseline or one.start for one in trials if one.trial == answer.trial), None)
    test = on_test(of_answer, metric)
    rows = [RecordRow(role=ANSWER, trial=answer.trial, name=name, test=test, is_refit=answer.refit is not None)]
    for role, trial in recorded_trials(trials, record.direction).items():
        row = RecordRow(role=role, trial=trial.trial, name=trial.baseline or trial.start)
        if trial.trial == answer.trial and answer.refit is None:
            if role != SEARCH:
                rows.append(replace(row, test=test))
            continue
        measured = _measured(parts, trial.trial)
        if isinstance(measured, Predictions):
            against = against_answer(of_answer, measured, metric)
            rows.append(replace(row, test=on_test(measured, metric), against_answer=against))
        else:
            rows.append(replace(row, missing=measured))
    found = ForTheRecord(schema=schema, images=len(of_answer.labels), rows=tuple(rows))
    write_whole(folder.best / layout.RECORD, json.dumps(to_plain(found), indent=2, allow_nan=False) + "\n")


def _measured(parts: SearchParts, trial: int) -> Predictions | str:
    """Return a trial's predictions for the test images, measured now or earlier; or why there are none."""
    path = parts.folder.trial(trial) / layout.TEST_PREDICTIONS
    try:
        if path.is_file():
            return stored_predictions.load(path)
    except RecordError:
        pass  # damaged: measured again
    model = parts.folder.read_model(trial)
    if model is None:
        return NOT_KEPT
    parts.progress.phase(f"measuring trial {trial} on the test images, for the record")
    stalls = StallDetector(stall_seconds=parts.settings.trial_stall_seconds)
    try:
        winner = measure_with_retry(trial, model, workers=parts.workers, progress=parts.progress, stalls=stalls)
    except Stopped:
        raise
    except TamizError as error:  # the search has its answer: this is no reason to fail
        parts.progress.note(f"not measured for the record: {first_line(error)}")
        return first_line(error)
    stored_predictions.save(winner.predictions, path)
    return winner.predictions
