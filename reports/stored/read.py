"""Reading a run folder, whole or not: what is missing or damaged becomes a named gap."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import optuna
from numpy.typing import NDArray

from objectives.evaluation.metrics import confusion_counts
from objectives.messages import Predictions
from reports.stored import layout
from reports.stored.confirmation import Confirmation
from reports.stored.files import StoredFiles, read_record
from reports.stored.for_the_record import ForTheRecord
from reports.stored.outcome import rank
from reports.stored.records import Inside, Measurement, RunRecord, TrialRecord
from reports.stored.run import CLOSELY_READ, COMPARED, History, Run, State, Trial
from reports.stored.study_copy import copy_study
from spaces.errors import RecordError, UsageError


def read_run(folder: Path, *, study: optuna.Study | None = None) -> Run:
    """Read everything that a report needs from a run folder; nothing is written there.

    Args:
        folder: `runs/<study>`.
        study: the study itself, where its database is not `study.db` in the folder.

    Raises:
        UsageError: the folder is not a run folder, or one of a newer Tamiz.
    """
    record = _read_settings(folder)
    files, classes = StoredFiles(folder), len(record.data.classes)
    study = study or _study(files, record)
    reader = _TrialReader(files=files, record=record)
    trials, validation = reader.with_predictions(reader.trials(study))
    measurement = files.json_record(f"{layout.BEST}/{layout.MEASUREMENT}", Measurement, expected=False)
    confirmation = files.json_record(layout.CONFIRMATION, Confirmation, expected=False)
    inside = files.json_record(f"{layout.BEST}/{layout.INSIDE}", Inside, expected=False)
    for_the_record = files.json_record(f"{layout.BEST}/{layout.RECORD}", ForTheRecord, expected=False)
    return Run(
        folder=folder,
        record=_without_home(dataclasses.replace(record, places={})),
        trials=trials,
        study=study,
        measurement=measurement,
        test=files.predictions(
            f"{layout.BEST}/{layout.PREDICTIONS}", classes=classes, expected=bool(measurement and measurement.images)
        ),
        validation=validation,
        inside=inside,
        maps=files.feature_maps(inside, classes=classes),
        thumbnails=files.thumbnails(),
        gaps=tuple(files.gaps),
        for_the_record=for_the_record,
        confirmation=confirmation,
    )


def _without_home(record: RunRecord) -> RunRecord:
    """Return the record with "~" for the user's home, which a page that is shared must not name."""
    home = os.path.expanduser("~") + "/"  # noqa: PTH111  # "~" where the system knows no home
    if home in ("//", "~/"):
        return record
    space = f"~/{record.space.removeprefix(home)}" if record.space.startswith(home) else record.space
    return dataclasses.replace(record, space=space, command=record.command.replace(f" {home}", " ~/"))


def _read_settings(folder: Path) -> RunRecord:
    record = read_record(folder / layout.SETTINGS, RunRecord)
    if record is None:
        raise UsageError(
            f"{folder} is not a run folder: {layout.SETTINGS} is missing.\n"
            "Name a folder that `python -m search run` wrote, such as runs/<study>."
        )
    return record


def _study(files: StoredFiles, record: RunRecord) -> optuna.Study | None:
    if record.settings.get("storage"):
        files.note(layout.DATABASE, "the study is in a database of its own, which a report does not open")
        return None
    try:
        return copy_study(files.folder / layout.DATABASE, record.study)
    except RecordError as error:
        files.note(layout.DATABASE, str(error))
        return None


class _TrialReader:
    """Reads the trials of one folder."""

    def __init__(self, *, files: StoredFiles, record: RunRecord) -> None:
        self._files = files
        self._record = record

    def trials(self, study: optuna.Study | None) -> tuple[Trial, ...]:
        stored = (
            {trial.number: trial for trial in study.get_trials(deepcopy=False) if _has_begun(trial)} if study else {}
        )
        numbers = sorted({*stored, *layout.trial_numbers(self._files.folder)})
        return tuple(self._trial(number, stored.get(number)) for number in numbers)

    def _trial(self, number: int, stored: optuna.trial.FrozenTrial | None) -> Trial:
        ended = stored is not None and stored.state.is_finished()
        record = self._files.json_record(layout.trial(number, layout.RESULT), TrialRecord, expected=ended)
        trained = record is not None and record.score is not None
        history = self._files.history(layout.trial(number, layout.HISTORY), expected=trained)
        if stored is not None and (history is None or len(history.epochs) == 0):
            history = _history_of(stored)
        if record is not None:
            state: State = record.state
        else:
            state = _state_of(stored)
        return Trial(
            number=number,
            state=state,
            params=record.params if record else dict(stored.params) if stored else {},
            score=record.score if record else self._best(history),
            record=record,
            recipe=self._files.recipe(layout.trial(number, layout.RECIPE), expected=record is not None),
            history=history,
            confusion=None,
        )

    def _best(self, history: History | None) -> float | None:
        if history is None or not np.isfinite(history.scores).any():
            return None
        scores = history.scores[np.isfinite(history.scores)]
        return float(self._record.direction.best_of(scores.tolist()))

    def with_predictions(self, trials: tuple[Trial, ...]) -> tuple[tuple[Trial, ...], Mapping[int, Predictions]]:
        """Return the best trials with their confusion and the others as they are; and predictions of the very best."""
        ranked = rank(trials, self._record.direction)
        stopped = rank(trials, self._record.direction, state="PRUNED")
        baselines = {trial.number for trial in trials if trial.baseline}
        wanted = baselines | {trial.number for trial in (*ranked, *stopped)[:COMPARED]}
        close = baselines | {trial.number for trial in ranked[:CLOSELY_READ]}
        read, kept = [], {}
        for trial in trials:
            name = layout.trial(trial.number, layout.PREDICTIONS)
            trained = trial.record is not None and trial.score is not None
            if trial.number not in wanted:
                if trained and not (self._files.folder / name).is_file():
                    self._files.note(name, "is missing")
                read.append(trial)
                continue
            predictions = self._files.predictions(name, classes=len(self._record.data.classes), expected=trained)
            if predictions is not None and trial.number in close:
                kept[trial.number] = predictions
            read.append(dataclasses.replace(trial, confusion=self._confusion(predictions)))
        return tuple(read), kept

    def _confusion(self, predictions: Predictions | None) -> NDArray[np.int32] | None:
        if predictions is None:
            return None
        predicted = predictions.probabilities.argmax(axis=1)
        return confusion_counts(predictions.labels, predicted, len(self._record.data.classes))


def _has_begun(stored: optuna.trial.FrozenTrial) -> bool:
    return stored.state != optuna.trial.TrialState.WAITING or bool(stored.intermediate_values)


def _state_of(stored: optuna.trial.FrozenTrial | None) -> State:
    if stored is None:
        return "RUNNING"
    names: dict[str, State] = {"COMPLETE": "COMPLETE", "PRUNED": "PRUNED", "FAIL": "FAIL", "WAITING": "WAITING"}
    return names.get(stored.state.name, "RUNNING")


def _history_of(stored: optuna.trial.FrozenTrial) -> History | None:
    if not stored.intermediate_values:
        return None
    steps = sorted(stored.intermediate_values)
    scores = np.array([stored.intermediate_values[step] for step in steps], dtype=np.float64)
    return History(epochs=np.array(steps, dtype=np.int32), columns={"score": scores})
