"""What a report of many trials costs: seconds, peak memory, and the size of the page.

    python -m benchmarks.report [--trials 200 2000] [--images 4000] [--classes 10] [--keep DIR]

The run folders are synthetic: parameters drawn from `cnn_cifar`, scores and predictions from a made-up rule. Each
report is written by a process of its own, whose peak memory and processor seconds are the system's figures.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import optuna
from optuna.trial import TrialState

from objectives.data.records import Split
from objectives.evaluation.metrics import Direction, measure
from objectives.files.atomic import write_whole
from objectives.messages import EpochReport, Predictions, WinnerMeasured
from reports.classifier.classification import LOOKS
from reports.classifier.mistakes import worth_a_look
from reports.stored import layout
from reports.stored.records import DataRecord, ModelCard, RunRecord, TrialRecord, schema
from reports.stored.run import Thumbnails
from search.results.run_folder import RunFolder
from search.storage.database import study_storage
from search.winner.measure import measurement_of
from spaces.catalogue import find_space
from spaces.recipe import ImageShape, Recipe
from spaces.suggest import TrialSuggest

EPOCHS = 8
_begun = datetime.datetime(2026, 11, 21, tzinfo=datetime.UTC)
_write = (
    "import sys; from pathlib import Path; from reports.pages.page import write_report; write_report(Path(sys.argv[1]))"
)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One report."""

    trials: int
    seconds: float
    processor_seconds: float
    peak_mib: float
    page_mib: float


def main() -> None:
    """Measure, and print a table and one JSON object."""
    arguments = _arguments()
    found = []
    print(f"{'trials':>6}  {'seconds':>7}  {'CPU s':>6}  {'peak MiB':>8}  {'page MiB':>8}")
    for trials in arguments.trials:
        with _place(arguments.keep) as runs:
            folder = write_run(runs, trials=trials, images=arguments.images, classes=arguments.classes)
            measured = _measure(folder, trials=trials)
        print(
            f"{trials:6}  {measured.seconds:7.1f}  {measured.processor_seconds:6.1f}  {measured.peak_mib:8.0f}  "
            f"{measured.page_mib:8.2f}"
        )
        found.append(measured)
    print(json.dumps([asdict(one) for one in found]))


def write_run(runs: Path, *, trials: int, images: int, classes: int) -> Path:
    """Write a run of so many ended trials; one in four is pruned, one in fifty fails."""
    shape, space, random = (
        ImageShape(height=32, width=32, channels=3),
        find_space("cnn_cifar"),
        np.random.default_rng(0),
    )
    folder = RunFolder.at(runs, f"synthetic-{trials}")
    rows = np.arange(5 * images, dtype=np.int32)
    record = _run_record(folder, trials=trials, images=images, classes=classes)
    folder.write_run(record, Split(train=rows[images:], validation=rows[:images], seed=0))
    labels = random.integers(0, classes, images).astype(np.int32)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    best = (0.0, 0)
    for number in range(trials):
        trial = study.ask()
        recipe = space.suggest(TrialSuggest(trial, images=shape, classes=classes))
        state = TrialState.FAIL if number % 50 == 9 else TrialState.PRUNED if number % 4 == 2 else TrialState.COMPLETE
        record = _write_trial(folder, trial, recipe, state=state, labels=labels, classes=classes, random=random)
        study.tell(trial, record.score if state == TrialState.COMPLETE else None, state=state)
        if state == TrialState.COMPLETE and record.score is not None:
            best = max(best, (record.score, number))
    with study_storage(f"sqlite:///{folder.database}") as storage:
        stored = optuna.create_study(direction="maximize", storage=storage, study_name=folder.path.name)
        stored.add_trials(study.get_trials(deepcopy=False))
    _write_winner(folder, best[1], _predictions(best[0], labels, classes=classes, random=random), classes=classes)
    return folder.path


def _write_trial(
    folder: RunFolder,
    trial: optuna.Trial,
    recipe: Recipe,
    *,
    state: TrialState,
    labels: np.ndarray,
    classes: int,
    random: np.random.Generator,
) -> TrialRecord:
    reports, predictions = [], None
    if state != TrialState.FAIL:
        final = 0.9 - 0.1 * abs(np.log10(recipe.fit.learning_rate) + 2.5) + random.normal(0, 0.02)
        epochs = 2 if state == TrialState.PRUNED else EPOCHS
        predictions = _predictions(final * (1 - 0.5 / epochs), labels, classes=classes, random=random)
        metrics = measure(predictions.probabilities, labels)
        for epoch in range(1, epochs + 1):
            score = min(metrics["val_accuracy"], final * (1 - 0.5 / epoch))
            row = metrics | {"loss": 1.5 / epoch, "accuracy": score, "val_loss": 1.6 / epoch, "val_accuracy": score}
            reports.append(EpochReport(epoch=epoch, score=score, metrics=row, seconds=1.5))
            trial.report(score, epoch)
    started = _begun + datetime.timedelta(seconds=12 * trial.number)
    record = TrialRecord(
        schema=1,
        trial=trial.number,
        state=state.name,
        score=reports[-1].score if reports else None,
        best_epoch=len(reports) or None,
        epochs=len(reports),
        params=trial.params,
        baseline=None,
        parameters=100_000 + trial.number,
        seconds_building=0.5,
        seconds_training=1.5 * len(reports),
        seed=trial.number,
        attempt=1,
        worker="worker-0",
        cause="error" if state == TrialState.FAIL else None,
        message="made up" if state == TrialState.FAIL else None,
        started=started.isoformat(),
        ended=(started + datetime.timedelta(seconds=12)).isoformat(),
    )
    folder.write_trial(record, recipe=recipe, reports=reports, predictions=predictions, model=None)
    return record


def _predictions(accuracy: float, labels: np.ndarray, *, classes: int, random: np.random.Generator) -> Predictions:
    """Return probabilities of which about `accuracy` are largest for the true class."""
    likely = np.where(random.random(len(labels)) < accuracy, labels, random.integers(0, classes, len(labels)))
    logits = random.normal(0, 1, (len(labels), classes))
    logits[np.arange(len(labels)), likely] += 4
    odds = np.exp(logits)
    probabilities = (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
    return Predictions(probabilities=probabilities, labels=labels, images=np.arange(len(labels), dtype=np.int32))


def _write_winner(folder: RunFolder, trial: int, predictions: Predictions, *, classes: int) -> None:
    write_whole(folder.trial(trial) / "model.keras", b"no model")
    positions = worth_a_look(predictions, most=LOOKS)
    noise = np.random.default_rng(1).integers(0, 256, (len(positions), 32, 32, 3), dtype=np.uint8)
    names = tuple(f"class {number}" for number in range(classes))
    folder.write_winner(
        measurement_of(trial, predictions, metric="val_accuracy"),
        WinnerMeasured(predictions=predictions, inside=None),
        place=layout.trial(trial),
        thumbnails=Thumbnails(pixels=dict(zip(positions.tolist(), noise, strict=True))),
        card=ModelCard(
            schema=schema,
            study=folder.path.name,
            trial=trial,
            sha256="0" * 64,
            classes=names,
            height=32,
            width=32,
            channels=3,
            resize="stretch",
        ),
        script="# made up\n",
    )


def _run_record(folder: RunFolder, *, trials: int, images: int, classes: int) -> RunRecord:
    settings = {"space": "cnn_cifar", "data": "made up", "trials": trials, "seed": 0, "sampler": "random"}
    return RunRecord(
        schema=schema,
        study=folder.path.name,
        space="cnn_cifar",
        space_summary="Made up.",
        space_digest="sha256:" + "0" * 64,
        metric="val_accuracy",
        direction=Direction.MAXIMIZE,
        epochs=EPOCHS,
        settings=settings,
        data=DataRecord(
            name="made up",
            fingerprint="sha256:" + "0" * 64,
            classes=tuple(f"class {number}" for number in range(classes)),
            train=4 * images,
            validation=images,
            test=images,
            height=32,
            width=32,
            channels=3,
            class_counts=(5 * images // classes,) * classes,
        ),
        baselines={},
        versions={},
        command="python -m benchmarks.report",
        created=_begun.isoformat(),
    )


@contextlib.contextmanager
def _place(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        yield keep
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)


def _measure(folder: Path, *, trials: int) -> Measured:
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", _write, str(folder)])
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    if status:
        raise RuntimeError(f"writing the report of {folder} failed")
    return Measured(
        trials=trials,
        seconds=round(seconds, 2),
        processor_seconds=round(used.ru_utime + used.ru_stime, 2),
        peak_mib=round(used.ru_maxrss / 1024, 1),
        page_mib=round((folder / "report.html").stat().st_size / 2**20, 3),
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, nargs="+", default=[200, 2000])
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where the run folders stay; default: nowhere")
    return parser.parse_args()


if __name__ == "__main__":
    main()
