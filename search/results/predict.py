"""Class probabilities for image files, from a model of a search."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from reports.stored.files import read_record
from reports.stored.layout import CARD
from reports.stored.records import ModelCard
from spaces.errors import DataError, UsageError

if TYPE_CHECKING:
    from objectives.data.images.decoding import Resize

_shown_classes = 3


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """A model's prediction for one file."""

    file: str
    probabilities: tuple[float, ...] | None
    """Of each class, in the card's order; None: the file is not a readable image."""
    problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class Answers:
    """A model's predictions for some files."""

    classes: tuple[str, ...]
    predictions: tuple[Prediction, ...]

    @property
    def unread(self) -> tuple[Prediction, ...]:
        """Those for files that are not readable images."""
        return tuple(prediction for prediction in self.predictions if prediction.probabilities is None)

    def as_text(self) -> str:
        """Return a line a file: its name, then the likeliest classes with their probabilities."""
        lines = []
        for prediction in self.predictions:
            if prediction.probabilities is None:
                lines.append(f"{prediction.file}: not read: {prediction.problem}")
            else:
                order = np.argsort(prediction.probabilities)[::-1][:_shown_classes]
                likely = [f"{self.classes[c]} {prediction.probabilities[c]:.1%}" for c in order]
                lines.append(f"{prediction.file}: {', '.join(likely)}")
        return "\n".join(lines)

    def as_json(self) -> str:
        """Return one JSON object with all probabilities."""
        images = [
            {
                "file": prediction.file,
                "class": self._likeliest(prediction),
                "probabilities": None
                if prediction.probabilities is None
                else dict(zip(self.classes, prediction.probabilities, strict=True)),
                "problem": prediction.problem,
            }
            for prediction in self.predictions
        ]
        return json.dumps({"schema": 1, "classes": self.classes, "images": images}, indent=2)

    def as_csv(self) -> str:
        """Return a table: file, class, problem, and a column of probabilities for each class."""
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(["file", "class", "problem", *self.classes])
        for prediction in self.predictions:
            numbers = prediction.probabilities or ("",) * len(self.classes)
            table.writerow([prediction.file, self._likeliest(prediction) or "", prediction.problem or "", *numbers])
        return text.getvalue().rstrip("\n")

    def _likeliest(self, prediction: Prediction) -> str | None:
        if prediction.probabilities is None:
            return None
        return self.classes[int(np.argmax(prediction.probabilities))]


def predict_files(model: Path, files: Sequence[Path], *, trust: bool = False) -> Answers:
    """Return a model's predictions for image files, read in the way of its training images.

    Args:
        model: a `.keras` file with its `model_card.json` beside it.
        files: images, one at least.
        trust: load it even if it is not the file that the card was written for. A forged model may
            run any code.

    Raises:
        UsageError: no such model, not one from a search, or not the one that its card describes.
        DataError: none of the files is a readable image.
    """
    content, card = known_model(model, trust=trust)
    pixels = [_pixels(file, card) for file in files]
    readable = [found for found in pixels if not isinstance(found, str)]
    if not readable:
        raise DataError(f"no file is a readable image; {files[0]}: {pixels[0]}")
    probabilities = iter(_probabilities(content, np.stack(readable)))
    return Answers(
        classes=card.classes,
        predictions=tuple(
            Prediction(file=str(file), probabilities=None, problem=found)
            if isinstance(found, str)
            else Prediction(file=str(file), probabilities=tuple(next(probabilities).tolist()))
            for file, found in zip(files, pixels, strict=True)
        ),
    )


def known_model(path: Path, *, trust: bool) -> tuple[bytes, ModelCard]:
    """Return a `.keras` file and its card.

    Raises:
        UsageError: it is not a `.keras` file, has no card beside it, or is not the one that its card describes.
    """
    if path.suffix != ".keras":
        raise UsageError(
            f"{path} is not a .keras file; expected a model from a search, such as runs/<study>/best/model.keras.\n"
            "Other formats may run code when they are loaded."
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from None
    card = card_beside(path)
    if hashlib.sha256(content).hexdigest() != card.sha256 and not trust:
        raise UsageError(
            f"{path} is not the model that {CARD} beside it was written for, and may run code when it is loaded.\n"
            "If you know where it comes from: --trust"
        )
    return content, card


def card_beside(model: Path) -> ModelCard:
    """Return the card in a model's folder.

    Raises:
        UsageError: there is none, or it is damaged.
    """
    path = model.with_name(CARD)
    card = read_record(path, ModelCard)
    if card is None:
        raise UsageError(
            f"{path} is missing: it names the classes and the model's hash.\n"
            "Use a model in the folder where `run` or `export` wrote it."
        )
    return card


def _pixels(file: Path, card: ModelCard) -> NDArray[np.uint8] | str:
    """Return (height, width, channels), or why the file is not a readable image."""
    from objectives.data.images.decoding import UnreadableImageError, read_image

    try:
        image = read_image(file, height=card.height, width=card.width, resize=_resize(card), ranges=card.pixel_ranges)
    except UnreadableImageError as error:
        return str(error)
    plain = np.asarray(image.convert("L" if card.channels == 1 else "RGB"), dtype=np.uint8)
    return plain.reshape(card.height, card.width, card.channels)


def _resize(card: ModelCard) -> Resize:
    from objectives.data.images.decoding import RESIZES

    for known in RESIZES:
        if known == card.resize:
            return known
    raise UsageError(f"{CARD}: invalid resize {card.resize!r}: expected {', '.join(RESIZES)}")


def _probabilities(model: bytes, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return (n, classes)."""
    from objectives.devices import prepare

    prepare(threads=None, gpu=True)
    from objectives.evaluation import predicting
    from objectives.messages import Examples

    count = len(images)
    examples = Examples(images=images, labels=np.zeros(count, np.int32), indices=np.arange(count, dtype=np.int32))
    return predicting.probabilities(predicting.load_model(model), examples)
