"""Reading a run folder, whole or not: what is missing or damaged becomes a named gap."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import optuna
from numpy.typing import NDArray

from objectives import predictions as stored_predictions
from objectives.records import Predictions
from reports import records
from reports.per_class import confusion_counts
from reports.records import Inside, Measurement, RunRecord, TrialRecord
from reports.run import CLOSELY_READ, COMPARED, Gap, History, Run, State, Thumbnails, Trial, rank
from reports.study_copy import copy_study
from spaces.errors import RecordError, UsageError
from spaces.records import from_plain

R = TypeVar("R")


def read_run(folder: Path, *, study: optuna.Study | None = None) -> Run:
    """Read everything that a report needs from a run folder; nothing is written there.

    Args:
        folder: `runs/<study>`.
        study: the study itself, where its database is not `study.db` in the folder.

    Raises:
        UsageError: the folder is no run, or one of a newer Tamiz.
    """
    record = _read_settings(folder)
    reader = _Reader(folder=folder, record=record)
    study = study or reader.study()
    trials = reader.trials(study)
    trials, validation = reader.with_predictions(trials)
    measurement = reader.json_record("best/measurement.json", Measurement, expected=False)
    inside = reader.json_record("best/inside.json", Inside, expected=False)
    return Run(
        folder=folder,
        record=record,
        trials=trials,
        study=study,
        measurement=measurement,
        test=reader.predictions("best/predictions.npz", expected=bool(measurement and measurement.images)),
        validation=validation,
        inside=inside,
        maps=reader.feature_maps(inside),
        thumbnails=reader.thumbnails(),
        gaps=tuple(reader.gaps),
    )


def _read_settings(folder: Path) -> RunRecord:
    path = folder / "settings.json"
    advice = "Accepted: a folder that `python -m search run` made, such as runs/<study>."
    if not path.is_file():
        raise UsageError(f"{folder} is no run folder: settings.json is missing.\n{advice}")
    try:
        plain = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} can't be read: {error}.\n{advice}") from None
    _refuse_newer(plain, str(path))
    return from_plain(RunRecord, plain, where=str(path))


def _refuse_newer(plain: object, where: str) -> None:
    found = plain.get("schema") if isinstance(plain, dict) else None
    if isinstance(found, int) and found > records.schema:
        raise UsageError(
            f"{where} is of format {found}; this Tamiz reads formats up to {records.schema}. Update Tamiz to read it."
        )


class _Reader:
    """Reads the parts of one folder and notes what it could not."""

    def __init__(self, *, folder: Path, record: RunRecord) -> None:
        self.folder = folder
        self.record = record
        self.gaps: list[Gap] = []

    def study(self) -> optuna.Study | None:
        if self.record.settings.get("storage"):
            self._note("study.db", "the study is in a database of its own, which a report does not open")
            return None
        try:
            return copy_study(self.folder / "study.db", self.record.study)
        except RecordError as error:
            self._note("study.db", str(error))
            return None

    def trials(self, study: optuna.Study | None) -> tuple[Trial, ...]:
        stored = (
            {trial.number: trial for trial in study.get_trials(deepcopy=False) if _has_begun(trial)} if study else {}
        )
        folders = {int(path.name): path for path in (self.folder / "trials").glob("*") if path.name.isdigit()}
        return tuple(self._trial(number, stored.get(number)) for number in sorted(stored.keys() | folders.keys()))

    def _trial(self, number: int, stored: optuna.trial.FrozenTrial | None) -> Trial:
        name = f"trials/{number:04d}"
        ended = stored is not None and stored.state.is_finished()
        record = self.json_record(f"{name}/result.json", TrialRecord, expected=ended)
        trained = record is not None and record.score is not None
        history = self._history(f"{name}/history.csv", expected=trained)
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
            recipe=self._recipe(f"{name}/recipe.json", expected=record is not None),
            history=history,
            confusion=None,
        )

    def _best(self, history: History | None) -> float | None:
        if history is None or not np.isfinite(history.scores).any():
            return None
        best = np.nanmax if self.record.direction == "maximize" else np.nanmin
        return float(best(history.scores))

    def _history(self, name: str, *, expected: bool) -> History | None:
        text = self._text(name, expected=expected)
        if text is None:
            return None
        rows = list(csv.reader(text.splitlines()))
        header = rows[0] if rows else []
        whole = [values for row in rows[1:] if len(row) == len(header) and (values := _numbers(row))]
        if not {"epoch", "score"} <= set(header):
            self._note(name, "has no columns 'epoch' and 'score'")
            return None
        if len(whole) < len(rows) - 1:
            self._note(name, f"{len(rows) - 1 - len(whole)} of its {len(rows) - 1} rows are damaged and left out")
        table = np.array(whole, dtype=np.float64).reshape(len(whole), len(header))
        columns = {column: table[:, place] for place, column in enumerate(header) if column != "epoch"}
        return History(epochs=table[:, header.index("epoch")].astype(np.int32), columns=columns)

    def _recipe(self, name: str, *, expected: bool) -> Mapping[str, Any] | None:
        plain = self._json(name, expected=expected)
        if plain is not None and not isinstance(plain, dict):
            self._note(name, "is not a recipe")
            return None
        return plain

    def with_predictions(self, trials: tuple[Trial, ...]) -> tuple[tuple[Trial, ...], Mapping[int, Predictions]]:
        """Return the best trials with their confusion and the others as they are; and predictions of the very best."""
        ranked = rank(trials, self.record.direction)
        stopped = rank(trials, self.record.direction, state="PRUNED")
        baselines = {trial.number for trial in trials if trial.baseline}
        wanted = baselines | {trial.number for trial in (*ranked, *stopped)[:COMPARED]}
        close = baselines | {trial.number for trial in ranked[:CLOSELY_READ]}
        read, kept = [], {}
        for trial in trials:
            name = f"trials/{trial.number:04d}/predictions.npz"
            trained = trial.record is not None and trial.score is not None
            if trial.number not in wanted:
                if trained and not (self.folder / name).is_file():
                    self._note(name, "is missing")
                read.append(trial)
                continue
            predictions = self.predictions(name, expected=trained)
            if predictions is not None and trial.number in close:
                kept[trial.number] = predictions
            read.append(dataclasses.replace(trial, confusion=self._confusion(predictions)))
        return tuple(read), kept

    def _confusion(self, predictions: Predictions | None) -> NDArray[np.int32] | None:
        if predictions is None:
            return None
        predicted = predictions.probabilities.argmax(axis=1)
        return confusion_counts(predictions.labels, predicted, len(self.record.data.classes))

    def predictions(self, name: str, *, expected: bool) -> Predictions | None:
        path = self.folder / name
        if not path.is_file():
            if expected:
                self._note(name, "is missing")
            return None
        try:
            predictions = stored_predictions.load(path)
        except RecordError as error:
            self._note(name, _without_path(error, path))
            return None
        classes = len(self.record.data.classes)
        if len(predictions.labels) == 0 or predictions.probabilities.shape[1] != classes:
            self._note(
                name, f"holds probabilities of shape {predictions.probabilities.shape}; the study has {classes} classes"
            )
            return None
        return predictions

    def thumbnails(self) -> Thumbnails | None:
        arrays = self._arrays("best/thumbnails.npz")
        if arrays is None:
            return None
        images, pixels = arrays.get("images"), arrays.get("pixels")
        if (
            images is None
            or pixels is None
            or pixels.dtype != np.uint8
            or pixels.ndim != 4
            or len(images) != len(pixels)
        ):
            self._note(
                "best/thumbnails.npz", "does not hold `images` (m,) and `pixels` uint8 (m, height, width, channels)"
            )
            return None
        return Thumbnails(pixels={int(image): picture for image, picture in zip(images, pixels, strict=True)})

    def feature_maps(self, inside: Inside | None) -> Mapping[str, NDArray[np.uint8]]:
        if inside is None or not inside.maps:
            return {}
        name = "best/feature_maps.npz"
        arrays = self._arrays(name)
        if arrays is None:
            self._note(name, "is missing")
            return {}
        fit = {
            key: array
            for key, array in arrays.items()
            if array.ndim == 4 and array.dtype == np.uint8 and len(array) == len(inside.map_classes)
        }
        for wanted in inside.maps:
            if wanted.array not in fit:
                self._note(name, f"'{wanted.array}' is missing, or not uint8 (classes, height, width, channels)")
        return fit

    def _arrays(self, name: str) -> dict[str, NDArray[Any]] | None:
        path = self.folder / name
        if not path.is_file():
            return None
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                return {key: stored[key] for key in stored.files}
        except Exception as error:  # a damaged zip or header raises a dozen unrelated types
            self._note(name, f"can't be read ({type(error).__name__})")
            return None

    def json_record(self, name: str, kind: type[R], *, expected: bool) -> R | None:
        plain = self._json(name, expected=expected)
        if plain is None:
            return None
        try:
            _refuse_newer(plain, name)
            return from_plain(kind, plain, where=name)
        except UsageError as error:
            self._note(name, str(error).removeprefix(name).lstrip(": "))
            return None

    def _json(self, name: str, *, expected: bool) -> Any:
        text = self._text(name, expected=expected)
        if text is None:
            return None
        try:
            return json.loads(text)
        except ValueError:
            self._note(name, "is no JSON")
            return None

    def _text(self, name: str, *, expected: bool) -> str | None:
        try:
            return (self.folder / name).read_text()
        except FileNotFoundError:
            if expected:
                self._note(name, "is missing")
        except (OSError, UnicodeDecodeError) as error:
            self._note(name, f"can't be read ({type(error).__name__})")
        return None

    def _note(self, part: str, problem: str) -> None:
        self.gaps.append(Gap(part=part, problem=problem))


def _has_begun(stored: optuna.trial.FrozenTrial) -> bool:
    return stored.state != optuna.trial.TrialState.WAITING or bool(stored.intermediate_values)


def _numbers(row: list[str]) -> list[float] | None:
    try:
        return [float(cell) if cell else float("nan") for cell in row]
    except ValueError:
        return None


def _without_path(error: Exception, path: Path) -> str:
    return str(error).removeprefix(f"{path}: ").replace(str(path), path.name)


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
