"""The run folder: where everything that belongs to a study is written (formats: `reports.stored.records`)."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import json
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from objectives.data.records import Split
from objectives.files import predictions as stored_predictions
from objectives.files.atomic import whole_file, write_whole
from objectives.messages import EpochReport, NetworkInside, Predictions, WinnerMeasured
from reports.stored.files import refuse_newer
from reports.stored.records import FeatureMap, Inside, Measurement, ModelCard, RunRecord, TrialRecord, schema
from reports.stored.run import Thumbnails
from search.results.summary import RunSummary
from spaces.errors import RecordError, StorageError, StudyConflictError, UsageError
from spaces.recipe import Recipe
from spaces.records import from_plain, parse, to_plain

R = TypeVar("R")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunFolder:
    """One study's folder."""

    path: Path

    @staticmethod
    def at(runs: Path, study: str) -> RunFolder:
        """Make the folder of a study, or take the one that is there.

        Raises:
            UsageError: it can't be made or written, or is a link.
        """
        path = runs / study
        try:
            (path / "trials").mkdir(parents=True, exist_ok=True)
            write_whole(path / ".writable", b"")
            (path / ".writable").unlink(missing_ok=True)  # who begins at the same moment may be quicker
        except OSError as error:
            raise UsageError(
                f"can't write in {path}: {error.strerror or error}\n"
                "Accepted: a folder that you may write to, with space on its disk. Choose one with --runs."
            ) from None
        if path.is_symlink():
            raise UsageError(
                f"{path} is a symbolic link; accepted: a folder of its own. Choose another --study or --runs."
            )
        return RunFolder(path=path)

    @property
    def database(self) -> Path:
        """The embedded study database."""
        return self.path / "study.db"

    @property
    def spool(self) -> Path:
        """Trials that the study's database could not take yet."""
        return self.path / "spool.jsonl"

    @property
    def best(self) -> Path:
        """The winner's folder."""
        return self.path / "best"

    @property
    def log(self) -> Path:
        """What Ray, TensorFlow and the driver have to say that is not for the terminal."""
        return self.path / "log.txt"

    def trial(self, number: int) -> Path:
        """The folder of a trial."""
        return self.path / "trials" / f"{number:04d}"

    def numbers(self) -> list[int]:
        """Return the numbers of the trials that have a folder, in order."""
        names = [path.name for path in (self.path / "trials").glob("*")]
        return sorted(int(name) for name in names if name.isascii() and name.isdigit())

    def write_run(self, record: RunRecord, split: Split) -> None:
        """Write what was chosen before the first trial."""
        with whole_file(self.path / "split.npz") as file:
            np.savez_compressed(file, train=split.train, validation=split.validation)
        _write_record(self.path / "settings.json", record)

    def read_run(self) -> RunRecord | None:
        """Return what an earlier run of this study chose; None if there was none."""
        return _read_record(self.path / "settings.json", RunRecord)

    def write_trial(
        self,
        record: TrialRecord,
        *,
        recipe: Recipe | None,
        reports: Sequence[EpochReport],
        predictions: Predictions | None,
        model: bytes | None,
    ) -> None:
        """Record a trial that has ended; `result.json` comes last, so where it is, the rest is.

        Raises:
            StorageError: the disk is full or gone.
        """
        folder = self.trial(record.trial)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if recipe is not None:
                write_whole(folder / "recipe.json", recipe.to_json())
            write_whole(folder / "history.csv", history_csv(reports))
            if predictions is not None:
                stored_predictions.save(predictions, folder / "predictions.npz")
            if model is not None:
                write_whole(folder / "model.keras", model)
            _write_record(folder / "result.json", record)
        except OSError as error:
            raise StorageError(
                f"can't write the result of trial {record.trial} in {folder}: {error.strerror}"
            ) from error

    def read_trial(self, number: int) -> TrialRecord | None:
        """Return the record of a trial that has ended; None if it has not."""
        return _read_record(self.trial(number) / "result.json", TrialRecord)

    def read_scores(self, number: int) -> list[tuple[int, float]]:
        """Return (epoch, score) of each epoch of a trial that has ended; none where its history is damaged."""
        try:
            with (self.trial(number) / "history.csv").open(newline="") as file:
                return [(int(row["epoch"]), float(row["score"])) for row in csv.DictReader(file)]
        except (OSError, ValueError, KeyError, TypeError, csv.Error):
            return []

    def read_recipe(self, number: int) -> Recipe:
        """Return a trial's recipe.

        Raises:
            RecordError: there is none, or its network is of a type that is not known here.
        """
        try:
            return Recipe.from_json((self.trial(number) / "recipe.json").read_text())
        except (OSError, UnicodeDecodeError) as error:
            raise RecordError(f"the recipe of trial {number} can't be read: {error}") from None

    def read_trials(self, started: int) -> list[TrialRecord]:
        """Return the records of the trials that have ended, of the first `started`."""
        return [record for number in range(started) if (record := self.read_trial(number)) is not None]

    def keep_only_model(self, number: int) -> None:
        """Forget the models of all trials but one, the best so far."""
        for path in self.path.glob("trials/*/model.keras"):
            if path.parent != self.trial(number):
                path.unlink()

    def write_traceback(self, number: int, text: str) -> None:
        """Keep what helps to find the fault behind a failed trial or attempt, if there is anything and room."""
        if text:
            with contextlib.suppress(OSError):
                self.trial(number).mkdir(parents=True, exist_ok=True)
                write_whole(self.trial(number) / "traceback.txt", text.rstrip() + "\n")

    def read_model(self, number: int) -> bytes | None:
        """Return the saved model of a trial, if it was kept."""
        path = self.trial(number) / "model.keras"
        return path.read_bytes() if path.exists() else None

    def write_summary(self, summary: RunSummary) -> None:
        """Keep how the run ended."""
        write_whole(self.path / "summary.json", summary.to_json() + "\n")

    def read_measurement(self) -> Measurement | None:
        """Return the measurement of the winner so far, if there is one."""
        return _read_record(self.best / "measurement.json", Measurement)

    def write_winner(
        self, measurement: Measurement, winner: WinnerMeasured, *, thumbnails: Thumbnails, card: ModelCard, script: str
    ) -> None:
        """Make a trial the winner: copy its model and recipe to `best/`, with all that was measured of it."""
        source, best = self.trial(measurement.trial), self.best
        best.mkdir(exist_ok=True)
        for name in ("measurement.json", "inside.json", "feature_maps.npz", "thumbnails.npz"):
            (best / name).unlink(missing_ok=True)  # of an earlier winner
        for name in ("model.keras", "recipe.json"):
            with (source / name).open("rb") as model, whole_file(best / name) as file:
                shutil.copyfileobj(model, file)
        _write_record(best / "model_card.json", card)
        write_whole(best / "train.py", script)
        stored_predictions.save(winner.predictions, best / "predictions.npz")
        if winner.inside is not None:
            _write_inside(best, winner.inside)
        pictures: dict[str, NDArray[Any]] = {
            "images": np.fromiter(thumbnails.pixels, np.int32),
            "pixels": np.stack([*thumbnails.pixels.values()]),
        }
        _write_arrays(best / "thumbnails.npz", pictures)
        _write_record(best / "measurement.json", measurement)


def history_csv(reports: Sequence[EpochReport]) -> str:
    """Return a table with a row an epoch: epoch, seconds, score and each metric."""
    text = io.StringIO()
    names = list(reports[0].metrics) if reports else []
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["epoch", "seconds", "score", *names])
    for report in reports:
        table.writerow([report.epoch, report.seconds, report.score, *(report.metrics[name] for name in names)])
    return text.getvalue()


def _write_inside(best: Path, inside: NetworkInside) -> None:
    names = [f"maps{place}" for place in range(len(inside.maps))]
    if names:
        pixels = [maps.pixels for maps in inside.maps]
        _write_arrays(best / "feature_maps.npz", dict(zip(names, pixels, strict=True)))
    record = Inside(
        schema=schema,
        layers=inside.layers,
        maps=tuple(FeatureMap(layer=of.layer, array=name) for of, name in zip(inside.maps, names, strict=True)),
        map_classes=inside.classes,
        map_images=inside.images,
    )
    _write_record(best / "inside.json", record)


def _write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    with whole_file(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as stored:
        for name, array in arrays.items():
            with stored.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _write_record(path: Path, record: object) -> None:
    write_whole(path, json.dumps(to_plain(record), indent=2, allow_nan=False) + "\n")


def _read_record(path: Path, kind: type[R]) -> R | None:
    if not path.exists():
        return None
    try:
        plain = parse(path.read_text())
    except (ValueError, OSError) as error:
        raise UsageError(f"{path} is damaged: {error}\nMove it away, or choose another --study.") from None
    try:
        refuse_newer(plain, str(path))
    except UsageError as error:
        raise StudyConflictError(str(error)) from None
    return from_plain(kind, plain, where=str(path))
