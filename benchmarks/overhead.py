"""What the driver costs when training costs nothing: trials and epoch reports a second, and asking against history.

    python -m benchmarks.overhead [--trials 60] [--epochs 6] [--history 10,100,1000]

The driver is the real one (loop, study, SQLite, run folder); its workers answer at once. Optuna's own loop with as many
reports a trial, in memory and on SQLite, runs beside it, interleaved.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import optuna

from objectives.metrics import METRICS
from objectives.records import Decision, EpochReport, Predictions, TrainingResult, TrainingTask
from search.budget import Budget
from search.loop import Search
from search.plain_progress import PlainProgress
from search.run_folder import RunFolder
from search.settings import RunSettings
from search.stop_request import StopRequest
from search.storage import study_storage
from search.study import Study, open_study
from search.study_in_memory import StudyInMemory
from search.workers import EpochReported, Event, TrainingEnded
from spaces.catalogue import find_space
from spaces.parameters import find_parameters
from spaces.recipe import ImageShape

IMAGES = ImageShape(height=8, width=8, channels=1)
CLASSES = 10
WORKERS = 2
SPACE = replace(find_space("cnn_cifar"), baselines={}, starts={})


class InstantWorkers:
    """Workers whose epochs take no time; scores rise from epoch to epoch and differ from trial to trial."""

    count = WORKERS

    def __init__(self) -> None:
        """Be ready."""
        self._events: deque[Event] = deque()
        self._epochs: dict[int, int] = {}
        few = np.arange(32, dtype=np.int32)
        probabilities = np.full((32, CLASSES), 1 / CLASSES, np.float32)
        self._predictions = Predictions(probabilities=probabilities, labels=few % CLASSES, images=few)

    @property
    def idle(self) -> int:
        """How many could take a task."""
        return WORKERS - len(self._epochs)

    def start(self, task: TrainingTask) -> int:
        """Report the first epoch."""
        self._epochs[task.trial] = 0
        self._advance(task.trial)
        return task.trial % WORKERS

    def apply(self, trial: int, decision: Decision, *, keep_model: bool = False, make_checkpoint: bool = False) -> None:
        """Report the next epoch, or end."""
        if decision is Decision.CONTINUE:
            self._advance(trial)
            return
        epochs = self._epochs.pop(trial)
        result = TrainingResult(
            score=_score(trial, epochs),
            best_epoch=epochs,
            epochs=epochs,
            parameters=1,
            seconds_building=0.0,
            seconds_training=0.0,
            predictions=self._predictions,
            model=None,
        )
        self._events.append(TrainingEnded(worker=trial % WORKERS, trial=trial, result=result))

    def measure(self, trial: int, model: bytes) -> int:
        """Is not asked for here."""
        raise RuntimeError(f"trial {trial} is not to be measured")

    def next_event(self, timeout_seconds: float) -> Event | None:
        """Return what happened first."""
        return self._events.popleft() if self._events else None

    def close(self) -> None:
        """Nothing to end."""

    def _advance(self, trial: int) -> None:
        self._epochs[trial] += 1
        epoch = self._epochs[trial]
        score = _score(trial, epoch)
        report = EpochReport(epoch=epoch, score=score, metrics={"val_accuracy": score, "loss": 1.0}, seconds=0.0)
        self._events.append(EpochReported(worker=trial % WORKERS, trial=trial, report=report))


@dataclass(frozen=True, kw_only=True)
class Rate:
    """What a loop gets done."""

    trials_per_second: float
    reports_per_second: float


def main() -> None:
    """Measure, and print a table and one JSON object."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    arguments = _arguments()
    loops: dict[str, Callable[[int, int], float]] = {
        "tamiz, SQLite": _driver_seconds,
        "optuna, in memory": lambda trials, epochs: _optuna_seconds(trials, epochs, storage=None),
        "optuna, SQLite": _optuna_sqlite_seconds,
    }
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(arguments.repeats):
        for name, measure in loops.items():
            seconds[name].append(measure(arguments.trials, arguments.epochs))
    rates = {name: _rate(taken, arguments.trials, arguments.epochs) for name, taken in seconds.items()}
    asking = {history: _ask_seconds(history) for history in arguments.history}
    print(f"{'loop':20}  {'trials/s':>8}  {'reports/s':>9}   {arguments.trials} trials of {arguments.epochs} epochs")
    for name, rate in rates.items():
        print(f"{name:20}  {rate.trials_per_second:8.1f}  {rate.reports_per_second:9.1f}")
    print(f"{'history':20}  {'ask ms':>8}")
    for history, took in asking.items():
        print(f"{history:20}  {took * 1e3:8.1f}")
    print(json.dumps({"seconds": seconds, "ask_seconds": asking}))


def _rate(seconds: list[float], trials: int, epochs: int) -> Rate:
    took = statistics.median(seconds)
    return Rate(trials_per_second=trials / took, reports_per_second=trials * epochs / took)


def _score(trial: int, epoch: int) -> float:
    return 0.5 + 0.01 * epoch + 0.001 * (trial * 7919 % 100)


def _study(settings: RunSettings, study: optuna.Study, stored: StudyInMemory | None = None) -> Study:
    return Study(
        study,
        space=SPACE,
        parameters=find_parameters(SPACE, images=IMAGES, classes=CLASSES),
        settings=settings,
        images=IMAGES,
        classes=CLASSES,
        stored=stored,
    )


def _settings(runs: str, trials: int, epochs: int) -> RunSettings:
    return RunSettings(
        space="cnn_cifar", study="noop", data="digits", trials=trials, epochs=epochs, pruner="none", runs=runs
    )


def _driver_seconds(trials: int, epochs: int) -> float:
    with tempfile.TemporaryDirectory() as runs, (Path(runs) / "lines").open("w") as lines:
        settings = _settings(runs, trials, epochs)
        folder = RunFolder.at(Path(runs), settings.study)
        progress = PlainProgress(lines)
        with study_storage(f"sqlite:///{folder.database}") as storage:
            stored = open_study(storage, settings)
            search = Search(
                study=_study(settings, stored.study, stored),
                workers=InstantWorkers(),
                budget=Budget(trials=trials, timeout_seconds=None),
                folder=folder,
                progress=progress,
                stop=StopRequest(progress.note),
                seed=0,
            )
            began = time.perf_counter()
            search.run()
            return time.perf_counter() - began


def _optuna_sqlite_seconds(trials: int, epochs: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        return _optuna_seconds(trials, epochs, storage=f"sqlite:///{folder}/study.db")


def _optuna_seconds(trials: int, epochs: int, *, storage: str | None) -> float:
    def objective(trial: optuna.Trial) -> float:
        settled.suggest(trial)
        for epoch in range(1, epochs + 1):
            trial.report(_score(trial.number, epoch), epoch)
            trial.should_prune()
        return _score(trial.number, epochs)

    study = optuna.create_study(storage=storage, direction=METRICS["val_accuracy"].direction)
    settled = _study(_settings("runs", trials, epochs), study)
    began = time.perf_counter()
    study.optimize(objective, n_trials=trials)
    return time.perf_counter() - began


def _ask_seconds(history: int) -> float:
    """Return the median time of asking for a trial and choosing its recipe, after so many finished trials."""
    study = optuna.create_study(direction="maximize")
    settled = _study(_settings("runs", history + 20, 1), study)
    study.sampler = optuna.samplers.RandomSampler(seed=0)
    for number in range(history):
        trial = study.ask()
        settled.suggest(trial)
        study.tell(trial, _score(number, 1))
    took = []
    for number in range(5):
        began = time.perf_counter()
        asked = settled.ask()
        assert asked is not None
        settled.suggest(asked)
        took.append(time.perf_counter() - began)
        study.tell(asked, _score(number, 1))
    return statistics.median(took)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--history", type=lambda text: [int(part) for part in text.split(",")], default=[10, 100, 1000])
    return parser.parse_args()


if __name__ == "__main__":
    main()
