"""Realistic run folders: real digits, real training of small scikit-learn networks, a real Optuna study.

The networks are stand-ins for Keras ones: each trial's recipe comes from `cnn_cifar`, and a
perceptron with the recipe's width, activation, learning rate and batch size is trained for it.
"""

from __future__ import annotations

import csv
import datetime
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from objectives.evaluation.metrics import Direction, measure
from objectives.files import predictions as stored_predictions
from objectives.messages import Predictions
from reports.classifier.intervals import wilson
from reports.stored.records import DataRecord, Measurement, RunRecord, TrialRecord
from search.winner.measure import thumbnails_of
from spaces.builtin import cnn_cifar
from spaces.recipe import ImageShape, Recipe
from spaces.records import to_plain
from spaces.suggest import TrialSuggest

EPOCHS = 6
IMAGES = ImageShape(height=8, width=8, channels=1)
BASELINE = "cifar_notebook_2021"
begun = datetime.datetime(2026, 11, 21, 9, 0, tzinfo=datetime.UTC)


@dataclass(frozen=True, kw_only=True)
class Data:
    """Digits in three parts; positions are positions in their own array."""

    train: np.ndarray
    train_labels: np.ndarray
    validation: np.ndarray
    validation_labels: np.ndarray
    validation_rows: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray
    classes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Trained:
    """One stand-in network after its epochs."""

    rows: tuple[dict[str, float], ...]
    validation: Predictions
    test: Predictions


def digits(classes: tuple[str, ...] = tuple("0123456789")) -> Data:
    """Return the digits, split by class."""
    found = load_digits()
    pixels, labels = (found.data / 16).astype(np.float32), found.target.astype(np.int32)
    rows, test = train_test_split(np.arange(len(labels)), test_size=0.2, stratify=labels, random_state=0)
    train, validation = train_test_split(np.arange(len(rows)), test_size=0.2, stratify=labels[rows], random_state=0)
    return Data(
        train=pixels[rows][train],
        train_labels=labels[rows][train],
        validation=pixels[rows][validation],
        validation_labels=labels[rows][validation],
        validation_rows=validation.astype(np.int32),
        test=pixels[test],
        test_labels=labels[test],
        classes=classes,
    )


def train(recipe: Recipe, data: Data, *, epochs: int = EPOCHS) -> Trained:
    """Train the stand-in of a recipe."""
    network: Any = recipe.network
    model = MLPClassifier(
        hidden_layer_sizes=(min(64, network.stages[0].filters),),
        activation="tanh" if network.activation == "silu" else "relu",
        learning_rate_init=min(recipe.fit.learning_rate, 0.02),
        batch_size=recipe.fit.batch_size,
        alpha=recipe.fit.weight_decay,
        max_iter=1,
        random_state=0,
    )
    rows = []
    for epoch in range(1, epochs + 1):
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.partial_fit(data.train, data.train_labels, classes=np.arange(10))
        probabilities = model.predict_proba(data.validation).astype(np.float32)
        metrics = measure(probabilities, data.validation_labels)
        trained = measure(model.predict_proba(data.train).astype(np.float32), data.train_labels)
        row = {"epoch": epoch, "seconds": 0.21, "score": metrics["val_accuracy"]}
        rows.append(row | {"loss": trained["val_loss"], "accuracy": trained["val_accuracy"]} | metrics)
    return Trained(
        rows=tuple(rows),
        validation=predictions(probabilities, data.validation_labels, data.validation_rows, len(data.classes)),
        test=predictions(
            model.predict_proba(data.test), data.test_labels, np.arange(len(data.test)), len(data.classes)
        ),
    )


def predictions(probabilities: np.ndarray, labels: np.ndarray, images: np.ndarray, classes: int) -> Predictions:
    """Return predictions over 10 classes, or spread over more: each digit then comes in `classes // 10` kinds."""
    kinds = classes // 10
    kind = images % kinds
    spread = np.zeros((len(labels), classes), dtype=np.float32)
    for digit in range(10):
        spread[np.arange(len(labels)), digit * kinds + kind] = probabilities[:, digit]
    return Predictions(
        probabilities=spread, labels=(labels * kinds + kind).astype(np.int32), images=images.astype(np.int32)
    )


def write_run(
    folder: Path,
    *,
    trials: int = 12,
    study_name: str = "digits",
    classes: tuple[str, ...] = tuple("0123456789"),
    distinct: int = 16,
    is_measured: bool = True,
    running: int = 0,
    seed: int = 0,
) -> Path:
    """Write a run of `trials` ended trials and `running` ones under way; at most `distinct` are really trained.

    Beyond those, a trial repeats the results of an earlier one. One in four is pruned, one fails.
    """
    data = digits(classes)
    folder.mkdir(parents=True)
    (folder / "trials").mkdir()
    write_json(folder / "settings.json", run_record(data, study_name=study_name, trials=trials))
    with optuna_quiet():
        study = optuna.create_study(
            study_name=study_name,
            storage=f"sqlite:///{folder / 'study.db'}",
            direction=Direction.MAXIMIZE,
            sampler=optuna.samplers.RandomSampler(seed=seed),
        )
    study.enqueue_trial(dict(cnn_cifar.BASELINES[BASELINE]))
    known: list[Trained] = []
    best: tuple[float, int, Trained] | None = None
    for number in range(trials + running):
        trial = study.ask()
        recipe = cnn_cifar.suggest(TrialSuggest(trial, images=IMAGES, classes=10))
        if number >= trials:
            trial.report(0.5, 1)
            continue
        if len(known) < distinct:
            known.append(train(recipe, data))
        trained = known[number % len(known)]
        record = write_trial(folder, study, trial, recipe, trained, trials=trials)
        if record.state == "COMPLETE" and (best is None or record.score > best[0]):
            best = (record.score, number, trained)
    if is_measured and best is not None:
        write_best(folder, trial=best[1], test=best[2].test, pixels=data.test)
    study._storage.remove_session()
    return folder


def write_trial(
    folder: Path, study: optuna.Study, trial: optuna.Trial, recipe: Recipe, trained: Trained, *, trials: int
) -> TrialRecord:
    """Write one ended trial and tell the study."""
    number = trial.number
    state = "PRUNED" if number % 4 == 2 else "FAIL" if number == 5 else "COMPLETE"
    epochs = 2 if state == "PRUNED" else EPOCHS
    rows = trained.rows[:epochs] if state != "FAIL" else ()
    best = max(rows, key=lambda row: row["score"]) if rows else None
    started = begun + datetime.timedelta(seconds=2 * number)
    record = TrialRecord(
        schema=1,
        trial=number,
        state=state,
        score=best["score"] if best else None,
        best_epoch=int(best["epoch"]) if best else None,
        epochs=len(rows),
        params=trial.params,
        baseline=BASELINE if number == 0 else None,
        parameters=12_000 + 17 * number,
        seconds_building=0.8,
        seconds_training=sum(row["seconds"] for row in rows),
        seed=1000 + number,
        attempt=1,
        worker="worker-0",
        cause="error" if state == "FAIL" else None,
        message="ValueError: the stand-in failed on purpose" if state == "FAIL" else None,
        started=started.isoformat(),
        ended=(started + datetime.timedelta(seconds=2)).isoformat(),
    )
    place = folder / "trials" / f"{number:04d}"
    place.mkdir()
    (place / "recipe.json").write_text(recipe.to_json())
    if rows:
        with (place / "history.csv").open("w", newline="") as file:
            table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            table.writeheader()
            table.writerows(rows)
        stored_predictions.save(trained.validation, place / "predictions.npz")
    write_json(place / "result.json", record)
    for row in rows:
        trial.report(row["score"], int(row["epoch"]))
    study.tell(trial, record.score if state == "COMPLETE" else None, state=optuna.trial.TrialState[state])
    return record


def write_best(folder: Path, *, trial: int, test: Predictions, pixels: np.ndarray) -> None:
    """Write the winner's folder, with pictures of the images worth a look."""
    best = folder / "best"
    best.mkdir()
    (best / "recipe.json").write_text((folder / f"trials/{trial:04d}/recipe.json").read_text())
    stored_predictions.save(test, best / "predictions.npz")
    right = int((test.probabilities.argmax(axis=1) == test.labels).sum())
    images = len(test.labels)
    measured = Measurement(
        schema=1, trial=trial, correct=right, images=images, accuracy=right / images, interval_95=wilson(right, images)
    )
    write_json(best / "measurement.json", measured)
    thumbnails = thumbnails_of(test, (pixels.reshape(-1, 8, 8, 1) * 255).astype(np.uint8)).pixels
    np.savez_compressed(best / "thumbnails.npz", images=[*thumbnails], pixels=[*thumbnails.values()])


def run_record(data: Data, *, study_name: str, trials: int) -> RunRecord:
    """Return the settings of a run on the digits."""
    kinds = len(data.classes) // 10
    labels = np.concatenate([data.train_labels, data.validation_labels])
    counts = np.repeat(np.bincount(labels, minlength=10) // kinds, kinds)
    settings: Mapping[str, Any] = {"space": "cnn_cifar", "data": "digits", "trials": trials, "seed": 0, "workers": 2}
    return RunRecord(
        schema=1,
        study=study_name,
        space="cnn_cifar",
        space_digest="sha256:" + "0c" * 32,
        space_summary="Plain convolutional networks for small images.",
        metric="val_accuracy",
        direction=Direction.MAXIMIZE,
        epochs=EPOCHS,
        settings=dict(settings) | {"sampler": "tpe", "pruner": "percentile", "executor": "inline", "storage": None},
        data=DataRecord(
            name="digits",
            fingerprint="sha256:" + "5f" * 32,
            classes=data.classes,
            train=len(data.train),
            validation=len(data.validation),
            test=len(data.test),
            height=8,
            width=8,
            channels=1,
            class_counts=tuple(int(count) for count in counts),
        ),
        baselines={BASELINE: dict(cnn_cifar.BASELINES[BASELINE])},
        versions={"tamiz": "0.1.0", "python": "3.11.2", "optuna": optuna.__version__},
        command=f"python -m search run --space cnn_cifar --data digits --study {study_name} --trials {trials} --seed 0",
        created=begun.isoformat(),
    )


def set_texts(folder: Path, text: str) -> None:
    """Put a text wherever a run's records hold one that is somebody else's: a file, a space, a message, a library."""
    settings = json.loads((folder / "settings.json").read_text())
    settings |= {"space": text, "space_summary": text, "command": text, "versions": {text: text}}
    settings["data"] |= {"name": text, "bad_files": [[text, text]], "warnings": [text], "notes": [text]}
    settings["settings"] |= {"image_size": text, text: text}
    (folder / "settings.json").write_text(json.dumps(settings))
    for path in folder.glob("trials/*/result.json"):
        record = json.loads(path.read_text())
        record |= {"cause": record["cause"] and text, "message": text, "worker": text, "start": text}
        record["params"] |= {text: text if record["trial"] % 2 else "other"}
        path.write_text(json.dumps(record))
    for path in folder.glob("trials/*/recipe.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {text: text}))
    (folder / "best").mkdir(exist_ok=True)
    (folder / "best/train.py").write_text(text)
    layers = [{"name": text, "kind": text, "output": [3], "parameters": 1}]
    (folder / "best/inside.json").write_text(json.dumps({"schema": 1, "layers": layers}))


def write_json(path: Path, record: object) -> None:
    """Write a record as the search does."""
    path.write_text(json.dumps(to_plain(record), indent=2) + "\n")


class optuna_quiet:  # noqa: N801  (reads as a statement)
    """Keeps Optuna's news off the terminal."""

    def __enter__(self) -> None:
        self._verbosity = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)

    def __exit__(self, *_: object) -> None:
        optuna.logging.set_verbosity(self._verbosity)
