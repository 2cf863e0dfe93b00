"""Exporting a trial: the model, the script that retrains it, its card, the table of trials."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from objectives.files import predictions as stored_predictions
from objectives.files.atomic import write_whole
from reports.export.model_card import model_card
from reports.findings.trials_table import write_trials_csv
from reports.stored import layout
from reports.stored.read import read_run
from reports.stored.run import Run, Trial
from search.results.model_files import card_of, script_of
from search.results.places import find_space_at, places_now
from search.results.predict import known_model
from search.results.run_folder import RunFolder
from search.results.status import read_settings
from spaces.errors import StorageError, TamizError, UsageError, first_line
from spaces.records import to_plain

_names: Mapping[Literal["onnx", "tf_saved_model"], str] = {"onnx": "model.onnx", "tf_saved_model": "saved_model"}
"""What Keras calls a format, and what we call its file or folder."""


@dataclass(frozen=True, kw_only=True)
class Formats:
    """Other formats to write the model in."""

    onnx: bool = False
    saved_model: bool = False


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What was written."""

    trial: int
    files: tuple[Path, ...]
    note: str | None = None
    """What could not be written, for the user."""


def export(folder: RunFolder, *, to: Path, trial: int | None = None, formats: Formats | None = None) -> Exported:
    """Write a trial's files into a folder of their own, which is made where it is missing.

    Args:
        folder: the study's.
        to: where to write; files of an earlier export are replaced.
        trial: its number; None: the winner.
        formats: other formats of the model; needs the model, which is kept of the best few trials.

    Raises:
        UsageError: no such trial, one without a score, a model that is not the one that was measured, or a
            format that is not to be had.
        StorageError: the folder can't be written.
    """
    run = read_run(folder.path)
    chosen = _chosen(run, trial)
    _import_space(folder)
    model = _model(folder, run, chosen.number)
    formats = formats or Formats()
    if model is None and (formats.onnx or formats.saved_model):
        raise UsageError(
            f"the model of trial {chosen.number} was not kept, only those of the best few are; export the best"
        )
    script = script_of(folder, run.record, chosen.number, model=model)
    card = model_card(_with_predictions(run, folder, chosen.number), chosen, has_model=model is not None)
    files = {layout.SCRIPT: script, "model_card.md": card}
    try:
        to.mkdir(parents=True, exist_ok=True)
        written = _write_model(run, chosen.number, model, to) if model is not None else []
        for name, text in files.items():
            write_whole(to / name, text)
        write_trials_csv(run, to / layout.TRIALS_TABLE)
    except OSError as error:
        raise StorageError(f"can't write in {to}: {error.strerror or error}") from error
    written += [to / name for name in (*files, layout.TRIALS_TABLE)]
    if model is not None:
        written += _convert(model, formats, to)
    note = None if model else f"the model of trial {chosen.number} was not kept; train.py makes it"
    return Exported(trial=chosen.number, files=tuple(written), note=note)


def export_ensemble(folder: RunFolder, *, to: Path, formats: Formats) -> Exported:
    """Write the ensemble of a study into a folder of its own, which is made where it is missing.

    Raises:
        UsageError: there is none, it is not the file that its card describes, or a format is not to be had.
        StorageError: the folder can't be written.
    """
    source = folder.path / layout.ENSEMBLE / layout.MODEL
    if not source.is_file():
        raise UsageError(
            f"study '{folder.path.name}' has no ensemble; make one: python -m search ensemble {folder.path}"
        )
    _import_space(folder)
    model, card = known_model(source, trust=False)
    try:
        to.mkdir(parents=True, exist_ok=True)
        write_whole(to / layout.MODEL, model)
        write_whole(to / layout.CARD, json.dumps(to_plain(card), indent=2) + "\n")
    except OSError as error:
        raise StorageError(f"can't write in {to}: {error.strerror or error}") from error
    return Exported(trial=card.trial, files=(to / layout.MODEL, to / layout.CARD, *_convert(model, formats, to)))


def _import_space(folder: RunFolder) -> None:
    """Import the file of a study's space, if it is there: it may define the type of the network."""
    with contextlib.suppress(TamizError):
        stored = read_settings(folder)
        find_space_at(stored.space, places_now(folder, stored, ("space",)).get("space"))


def _chosen(run: Run, number: int | None) -> Trial:
    if number is None:
        if run.winner is None:
            raise UsageError(f"study '{run.record.study}' has no complete trial yet; name one with --trial")
        return run.winner
    scored = {trial.number: trial for trial in run.trials if trial.score is not None and trial.record is not None}
    if number not in scored:
        raise UsageError(
            f"invalid --trial '{number}': expected a trial with a score: "
            f"{', '.join(map(str, list(scored)[:20])) or 'none'}"
        )
    return scored[number]


def _with_predictions(run: Run, folder: RunFolder, trial: int) -> Run:
    """Return the run with the predictions of a trial that a report would not read closely."""
    path = folder.trial(trial) / layout.PREDICTIONS
    if trial in run.validation or not path.is_file():
        return run
    return dataclasses.replace(run, validation={**run.validation, trial: stored_predictions.load(path)})


def _model(folder: RunFolder, run: Run, trial: int) -> bytes | None:
    """Return a trial's model, if it was kept; the winner's only if it is the one that was measured."""
    best = folder.best / layout.MODEL
    if run.measurement is not None and run.measurement.trial == trial and best.is_file():
        return known_model(best, trust=False)[0]
    return folder.read_model(trial)


def _write_model(run: Run, trial: int, model: bytes, to: Path) -> list[Path]:
    answer = run.measurement
    is_refit = answer is not None and answer.trial == trial and answer.refit is not None
    card = card_of(run.record, trial, model, with_validation=is_refit)
    write_whole(to / layout.MODEL, model)
    write_whole(to / layout.CARD, json.dumps(to_plain(card), indent=2) + "\n")
    return [to / layout.MODEL, to / layout.CARD]


def _convert(model: bytes, formats: Formats, to: Path) -> list[Path]:
    wanted = [kind for kind, is_wanted in zip(_names, (formats.onnx, formats.saved_model), strict=True) if is_wanted]
    if not wanted:
        return []
    from objectives.evaluation import predicting  # Keras, where it is needed

    for kind in wanted:
        try:
            predicting.convert(model, to / _names[kind], kind=kind)
        except Exception as error:  # converters raise whatever they like
            problem = first_line(error)
            advice = "; install the package that is missing" if isinstance(error, ImportError) else ""
            raise UsageError(f"Keras can't write {_names[kind]} here: {problem}{advice}") from error
    return [to / _names[kind] for kind in wanted]
