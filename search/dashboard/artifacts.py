"""What the dashboard shows for each trial: confusion matrix, per-class table and curve as artifacts, and a note."""

from __future__ import annotations

import csv
import io

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.artifacts import FileSystemArtifactStore, upload_artifact
from optuna_dashboard import save_note
from PIL import Image

from objectives.evaluation.metrics import confusion_counts
from objectives.files import predictions as stored_predictions
from reports.classifier.per_class import ClassTable, class_table, confusion_sentences
from reports.export.model_card import markdown
from reports.stored import layout
from reports.stored.records import TrialRecord
from search.results.run_folder import RunFolder
from spaces.errors import StorageError

PICTURE_SIDE = 240
"""Approximate side of a confusion matrix in pixels."""
_sentences_most = 5
_dark = np.array([8, 48, 107])  # the end of ColorBrewer's "Blues"; white stands for zero images


def artifact_store(folder: RunFolder) -> FileSystemArtifactStore:
    """Return the store of a study's artifacts; creates its folder."""
    path = folder.path / layout.ARTIFACTS
    path.mkdir(exist_ok=True)
    return FileSystemArtifactStore(path)


def attach(trial: optuna.Trial, record: TrialRecord, folder: RunFolder) -> None:
    """Attach to a trial what the dashboard shows; call it before `study.tell`, since finished trials are frozen.

    Args:
        trial: has been recorded in the folder.
        record: its result.
        folder: the run folder.

    Raises:
        StorageError: the disk is full or unavailable.
    """
    own = folder.trial(record.trial)
    files = []
    note = _ending(record)
    try:
        if record.score is not None:
            predictions = stored_predictions.load(own / layout.PREDICTIONS)
            classes = _classes(folder, count=predictions.probabilities.shape[1])
            predicted = predictions.probabilities.argmax(axis=1)
            counts = confusion_counts(predictions.labels, predicted, len(classes))
            # Without fsync: both files are written again if the run stops before the trial is told.
            (own / "confusion.png").write_bytes(confusion_png(counts))
            (own / "per_class.csv").write_bytes(_csv(class_table(predictions.labels, predicted, classes)).encode())
            files = [("confusion.png", "image/png"), ("per_class.csv", "text/csv"), (layout.HISTORY, "text/csv")]
            note += _confusions(counts, classes)
        store = artifact_store(folder)
        for name, kind in files:
            upload_artifact(artifact_store=store, file_path=str(own / name), study_or_trial=trial, mimetype=kind)
    except OSError as error:
        raise StorageError(f"cannot write the dashboard's files of trial {record.trial}: {error.strerror}") from error
    save_note(trial, note)


def confusion_png(counts: NDArray[np.int32]) -> bytes:
    """Return a confusion matrix (classes, classes) as a PNG image; darker cells hold a larger share of their row."""
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    colours = np.rint(255 + share[:, :, np.newaxis] * (_dark - 255)).astype(np.uint8)
    side = max(1, PICTURE_SIDE // len(counts))
    stored = io.BytesIO()
    Image.fromarray(colours.repeat(side, axis=0).repeat(side, axis=1)).save(stored, format="PNG", optimize=True)
    return stored.getvalue()


def _classes(folder: RunFolder, *, count: int) -> tuple[str, ...]:
    run = folder.read_run()
    return run.data.classes if run else tuple(map(str, range(count)))


def _csv(table: ClassTable) -> str:
    text = io.StringIO()
    written = csv.writer(text, lineterminator="\n")
    written.writerow(["class", "precision", "recall", "f1", "images", "errors"])
    for row in table.rows:
        written.writerow([row.name, row.precision, row.recall, row.f1, row.support, row.errors])
    return text.getvalue()


def _ending(record: TrialRecord) -> str:
    if record.score is None:
        return f"No result: {markdown(record.message or record.cause or 'it ended early')}\n"
    baseline = f"Hand-made baseline {markdown(record.baseline)}. " if record.baseline else ""
    start = f"Recommended start {markdown(record.start)}. " if record.start else ""
    return f"{baseline}{start}Score {record.score:.4f} at epoch {record.best_epoch} of {record.epochs}.\n"


def _confusions(counts: NDArray[np.int32], classes: tuple[str, ...]) -> str:
    sentences = confusion_sentences(counts, classes, most=_sentences_most)
    return "\nOn the validation images:\n\n" + "".join(f"- {markdown(sentence)}\n" for sentence in sentences)
