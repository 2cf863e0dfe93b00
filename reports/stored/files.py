"""The files of a run folder, read one by one; what is missing or damaged is noted and becomes None."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from objectives.files import predictions as stored_predictions
from objectives.files.atomic import read_arrays
from objectives.messages import Predictions
from reports.stored import layout, records
from reports.stored.records import Inside
from reports.stored.run import Gap, History, Thumbnails
from spaces.errors import RecordError, StudyConflictError
from spaces.records import from_plain, parse

R = TypeVar("R")
_epochs_most = 2**31 - 1


def read_record(path: Path, kind: type[R]) -> R | None:
    """Return a record that is stored as JSON; None where there is no such file.

    Raises:
        StudyConflictError: it is of a format that this Tamiz does not know yet.
        RecordError: it is not readable, not JSON, or not such a record. The error begins with the path.
    """
    try:
        plain = parse(path.read_text())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RecordError(f"{path} can't be read ({type(error).__name__})") from None
    except ValueError:
        raise RecordError(f"{path} is not JSON") from None
    found = plain.get("schema") if isinstance(plain, dict) else None
    if isinstance(found, int) and found > records.schema:
        raise StudyConflictError(
            f"{path} is of format {found}; this Tamiz reads formats up to {records.schema}. Update Tamiz to read it."
        )
    return from_plain(kind, plain, where=str(path))


class StoredFiles:
    """Reads the files of one folder and notes what it could not read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.gaps: list[Gap] = []

    def history(self, name: str, *, expected: bool) -> History | None:
        """Return a trial's epochs, as far as its rows are whole."""
        text = self.text(name, expected=expected)
        if text is None:
            return None
        try:
            rows = list(csv.reader(text.splitlines()))
        except csv.Error:
            self.note(name, "is not a table")
            return None
        header = rows[0] if rows else []
        if not {"epoch", "score"} <= set(header):
            self.note(name, "has no columns 'epoch' and 'score'")
            return None
        epoch = header.index("epoch")
        read = [_numbers(row) for row in rows[1:] if len(row) == len(header)]
        whole = [row for row in read if row is not None and 1 <= row[epoch] <= _epochs_most]
        if len(whole) < len(rows) - 1:
            self.note(name, f"{len(rows) - 1 - len(whole)} of its {len(rows) - 1} rows are damaged and left out")
        table = np.array(whole, dtype=np.float64).reshape(len(whole), len(header))
        columns = {column: table[:, place] for place, column in enumerate(header) if column != "epoch"}
        return History(epochs=table[:, epoch].astype(np.int32), columns=columns)

    def recipe(self, name: str, *, expected: bool) -> Mapping[str, Any] | None:
        """Return a trial's recipe, as it is stored."""
        text = self.text(name, expected=expected)
        if text is None:
            return None
        try:
            plain = parse(text)
        except ValueError:
            self.note(name, "is not JSON")
            return None
        if plain is not None and not isinstance(plain, dict):
            self.note(name, "is not a recipe")
            return None
        return plain

    def predictions(self, name: str, *, classes: int, expected: bool) -> Predictions | None:
        """Return stored predictions (n, classes), n at least 1; None: missing or damaged."""
        path = self.folder / name
        if not path.is_file():
            if expected:
                self.note(name, "is missing")
            return None
        try:
            predictions = stored_predictions.load(path)
        except RecordError as error:
            self.note(name, _without_path(error, path))
            return None
        shape = predictions.probabilities.shape
        if shape[0] == 0 or shape[1] != classes:
            self.note(name, f"holds probabilities of shape {shape}; the study has {classes} classes")
            return None
        return predictions

    def thumbnails(self) -> Thumbnails | None:
        """Return the small pictures of the winner's test images."""
        name = f"{layout.BEST}/{layout.THUMBNAILS}"
        arrays = self.arrays(name)
        if arrays is None:
            return None
        images, pixels = arrays.get("images"), arrays.get("pixels")
        if (
            images is None
            or pixels is None
            or pixels.dtype != np.uint8
            or pixels.ndim != 4
            or pixels.shape[3] not in (1, 3)
            or images.ndim != 1
            or images.dtype.kind not in "iu"
            or len(images) != len(pixels)
        ):
            self.note(name, "does not hold `images` (m,) and `pixels` uint8 (m, height, width, 1 or 3)")
            return None
        return Thumbnails(pixels={int(image): picture for image, picture in zip(images, pixels, strict=True)})

    def feature_maps(self, inside: Inside | None, *, classes: int) -> Mapping[str, NDArray[np.uint8]]:
        """Return the winner's feature maps by array name, as far as they fit what `inside.json` says of them."""
        if inside is None or not inside.maps:
            return {}
        name = f"{layout.BEST}/{layout.FEATURE_MAPS}"
        arrays = self.arrays(name)
        if arrays is None:
            self.note(name, "is missing")
            return {}
        if not all(0 <= shown < classes for shown in inside.map_classes):
            self.note(f"{layout.BEST}/{layout.INSIDE}", f"shows classes that are not among the study's {classes}")
            return {}
        fit = {
            key: array
            for key, array in arrays.items()
            if array.ndim == 4 and array.dtype == np.uint8 and len(array) == len(inside.map_classes)
        }
        for wanted in inside.maps:
            if wanted.array not in fit:
                self.note(name, f"'{wanted.array}' is missing, or not uint8 (classes, height, width, channels)")
        return fit

    def arrays(self, name: str) -> dict[str, NDArray[Any]] | None:
        """Return the arrays of an `.npz` file; None where it is missing, which is not a gap, or damaged."""
        path = self.folder / name
        if not path.is_file():
            return None
        try:
            return read_arrays(path)
        except RecordError as error:
            self.note(name, f"can't be read ({error})")
            return None

    def json_record(self, name: str, kind: type[R], *, expected: bool) -> R | None:
        """Return a record that is stored as JSON."""
        try:
            record = read_record(self.folder / name, kind)
        except (RecordError, StudyConflictError) as error:
            self.note(name, str(error).removeprefix(str(self.folder / name)).lstrip(": "))
            return None
        if record is None and expected:
            self.note(name, "is missing")
        return record

    def text(self, name: str, *, expected: bool) -> str | None:
        """Return a file's text."""
        try:
            return (self.folder / name).read_text()
        except FileNotFoundError:
            if expected:
                self.note(name, "is missing")
        except (OSError, UnicodeDecodeError) as error:
            self.note(name, f"can't be read ({type(error).__name__})")
        return None

    def note(self, part: str, problem: str) -> None:
        """Note a gap."""
        self.gaps.append(Gap(part=part, problem=problem))


def _numbers(row: list[str]) -> list[float] | None:
    try:
        return [float(cell) if cell else float("nan") for cell in row]
    except ValueError:
        return None


def _without_path(error: Exception, path: Path) -> str:
    return str(error).removeprefix(f"{path}: ").replace(str(path), path.name)
