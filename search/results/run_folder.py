"""Writing and reading of a study's run folder (its files: `reports.stored.layout`)."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from objectives.data.records import Split
from objectives.files import predictions as stored_predictions
from objectives.files.atomic import whole_file, write_whole
from objectives.files.history import history_csv
from objectives.messages import EpochReport, NetworkInside, Predictions, WinnerMeasured
from reports.stored import layout
from reports.stored.files import StoredFiles, read_record
from reports.stored.records import FeatureMap, Inside, Measurement, ModelCard, RunRecord, TrialRecord, schema
from reports.stored.run import Thumbnails
from search.results.summary import RunSummary
from spaces.errors import RecordError, StorageError, UsageError
from spaces.recipe import Recipe
from spaces.records import to_plain
from spaces.transfer import without_folder

R = TypeVar("R")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunFolder:
    """One study's folder."""

    path: Path

    @staticmethod
    def at(runs: Path, study: str) -> RunFolder:
        """Return the folder of a study, made where it is missing.

        Raises:
            StorageError: it can't be made or written.
            UsageError: it is a link.
        """
        path = runs / study
        try:
            (path / layout.TRIALS).mkdir(parents=True, exist_ok=True)
            write_whole(path / ".writable", b"")
            (path / ".writable").unlink(missing_ok=True)  # another run that starts now may have removed it
        except OSError as error:
            raise StorageError(
                f"can't write in {path}: {error.strerror or error}\n"
                "Choose a folder with --runs that you may write to, on a disk with space."
            ) from None
        if path.is_symlink():
            raise UsageError(f"{path} is a symbolic link; expected a folder. Choose another --study or --runs.")
        return RunFolder(path=path)

    @property
    def database(self) -> Path:
        """The embedded study database."""
        return self.path / layout.DATABASE

    @property
    def spool(self) -> Path:
        """Trials that are not in the study's database yet."""
        return self.path / layout.SPOOL

    @property
    def best(self) -> Path:
        """The winner's folder."""
        return self.path / layout.BEST

    @property
    def log(self) -> Path:
        """The lines of the search, with their times."""
        return self.path / layout.LOG

    @property
    def workers_log(self) -> Path:
        """Output of the workers, Ray and TensorFlow."""
        return self.path / layout.WORKERS_LOG

    def trial(self, number: int) -> Path:
        """The folder of a trial."""
        return self.path / layout.trial(number)

    def numbers(self) -> list[int]:
        """Return the numbers of the trials that have a folder, in order."""
        return layout.trial_numbers(self.path)

    def write_run(self, record: RunRecord, split: Split | None) -> None:
        """Write the settings and, unless it is None, the split."""
        if split is not None:
            with whole_file(self.path / layout.SPLIT) as file:
                np.savez_compressed(file, train=split.train, validation=split.validation)
        _write_record(self.path / layout.SETTINGS, record)

    def read_run(self) -> RunRecord | None:
        """Return the settings of this study; None in a new one."""
        return _read_record(self.path / layout.SETTINGS, RunRecord)

    def write_trial(
        self,
        record: TrialRecord,
        *,
        recipe: Recipe | None,
        reports: Sequence[EpochReport],
        predictions: Predictions | None,
        model: bytes | None,
        place: str | None = None,
    ) -> None:
        """Record a training that has ended; `result.json` comes last, so where it is, the rest is.

        It is a trial's unless `place`, a folder relative to this one, is given.

        Raises:
            StorageError: the disk is full or gone.
        """
        folder = self.path / (place or layout.trial(record.trial))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if recipe is not None:
                write_whole(folder / layout.RECIPE, without_folder(recipe).to_json())
            write_whole(folder / layout.HISTORY, history_csv(reports))
            if predictions is not None:
                stored_predictions.save(predictions, folder / layout.PREDICTIONS)
            if model is not None:
                write_whole(folder / layout.MODEL, model)
            _write_record(folder / layout.RESULT, record)
        except OSError as error:
            raise StorageError(
                f"can't write the result of trial {record.trial} in {folder}: {error.strerror}"
            ) from error

    def read_trial(self, number: int) -> TrialRecord | None:
        """Return the record of a trial that has ended; None if it has not."""
        return self.read_result(layout.trial(number))

    def read_result(self, place: str) -> TrialRecord | None:
        """Return the record of a training that has ended, from its folder relative to this one; None if it has not."""
        return _read_record(self.path / place / layout.RESULT, TrialRecord)

    def read_scores(self, number: int) -> list[tuple[int, float]]:
        """Return (epoch, score) of each epoch of a trial that has ended, as far as its history is whole."""
        history = StoredFiles(self.path).history(layout.trial(number, layout.HISTORY), expected=False)
        return [] if history is None else list(zip(history.epochs.tolist(), history.scores.tolist(), strict=True))

    def read_recipe(self, number: int) -> Recipe:
        """Return a trial's recipe.

        Raises:
            RecordError: there is none, or its network is of a type that is not known here.
        """
        try:
            return Recipe.from_json((self.trial(number) / layout.RECIPE).read_text())
        except (OSError, UnicodeDecodeError) as error:
            raise RecordError(f"the recipe of trial {number} can't be read: {error}") from None

    def read_trials(self) -> tuple[TrialRecord, ...]:
        """Return the records of the trials that have ended, by number."""
        return tuple(record for number in self.numbers() if (record := self.read_trial(number)) is not None)

    def write_traceback(self, place: str, text: str) -> None:
        """Store the traceback of a training that failed, if there is one and the disk has room; `place`: its folder."""
        if text:
            with contextlib.suppress(OSError):
                (self.path / place).mkdir(parents=True, exist_ok=True)
                write_whole(self.path / place / layout.TRACEBACK, text.rstrip() + "\n")

    def read_model(self, number: int) -> bytes | None:
        """Return the saved model of a trial, if it was kept."""
        path = self.trial(number) / layout.MODEL
        return path.read_bytes() if path.exists() else None

    def write_summary(self, summary: RunSummary) -> None:
        """Write how the run ended."""
        write_whole(self.path / layout.SUMMARY, summary.to_json() + "\n")

    def read_measurement(self) -> Measurement | None:
        """Return the measurement of the winner so far, if there is one."""
        return _read_record(self.best / layout.MEASUREMENT, Measurement)

    def write_measurement(self, measurement: Measurement) -> None:
        """Replace what is written of the winner so far, whose model stays."""
        _write_record(self.best / layout.MEASUREMENT, measurement)

    def write_winner(
        self,
        measurement: Measurement,
        winner: WinnerMeasured,
        *,
        place: str,
        thumbnails: Thumbnails,
        card: ModelCard,
        script: str,
    ) -> None:
        """Make a model the winner: copy it and its recipe from a folder to `best/`, with what was measured of it."""
        source, best = self.path / place, self.best
        best.mkdir(exist_ok=True)
        for name in (layout.MEASUREMENT, layout.RECORD, layout.INSIDE, layout.FEATURE_MAPS, layout.THUMBNAILS):
            (best / name).unlink(missing_ok=True)  # of an earlier winner
        for name in (layout.MODEL, layout.RECIPE):
            with (source / name).open("rb") as model, whole_file(best / name) as file:
                shutil.copyfileobj(model, file)
        _write_record(best / layout.CARD, card)
        write_whole(best / layout.SCRIPT, script)
        stored_predictions.save(winner.predictions, best / layout.PREDICTIONS)
        if winner.inside is not None:
            _write_inside(best, winner.inside)
        pictures: dict[str, NDArray[Any]] = {
            "images": np.fromiter(thumbnails.pixels, np.int32),
            "pixels": np.stack([*thumbnails.pixels.values()]),
        }
        _write_arrays(best / layout.THUMBNAILS, pictures)
        _write_record(best / layout.MEASUREMENT, measurement)


def _write_inside(best: Path, inside: NetworkInside) -> None:
    names = [f"maps{place}" for place in range(len(inside.maps))]
    if names:
        _write_arrays(best / layout.FEATURE_MAPS, {n: m.pixels for n, m in zip(names, inside.maps, strict=True)})
    record = Inside(
        schema=schema,
        layers=inside.layers,
        maps=tuple(FeatureMap(layer=of.layer, array=name) for of, name in zip(inside.maps, names, strict=True)),
        map_classes=inside.classes,
        map_images=inside.images,
    )
    _write_record(best / layout.INSIDE, record)


def _write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    with whole_file(path) as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def _write_record(path: Path, record: object) -> None:
    write_whole(path, json.dumps(to_plain(record), indent=2, allow_nan=False) + "\n")


def _read_record(path: Path, kind: type[R]) -> R | None:
    try:
        return read_record(path, kind)
    except RecordError as error:
        raise RecordError(f"{error}\nMove it away, or choose another --study.") from None
