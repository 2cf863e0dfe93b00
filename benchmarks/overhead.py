"""What the driver costs when training costs nothing: trials and epoch reports a second, and asking against history.

    python -m benchmarks.overhead [--sizes 60x6,10x200] [--history 10,1000,5000,20000] [--ray-tune]

The driver is the real one (loop, study, pruner, SQLite, run folder); its workers answer at once. Optuna's own loop with
as many reports a trial and the same pruner, in memory and on SQLite, runs beside it, interleaved; so does Ray Tune's,
with a random search and no pruner, where asked for and installed. A size is a number of trials by one of epochs; long
trials tell what a report costs, short ones what a trial costs.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import optuna
from optuna.trial import TrialState, create_trial

from benchmarks.instant_workers import CLASSES, InstantWorkers, score
from objectives.evaluation.metrics import METRICS, Direction
from search.algorithms.pruners import make_pruner
from search.driver.loop import Search
from search.progress.plain import PlainProgress
from search.results.run_folder import RunFolder
from search.settings import RunSettings
from search.storage.database import study_storage
from search.storage.retry import RetryingSaver
from search.storage.write_behind import WriteBehindStudy
from search.study.stored import open_stored_study
from search.study.study import Study
from search.system.disk import DiskGuard
from search.system.signals import StopRequest
from search.trainings.checkpoints import Checkpoints
from search.trainings.kept_models import KeptModels
from search.trainings.limits import TrialBudget, TrialTimer
from search.trainings.parts import SearchParts
from search.workers.stalls import StallDetector
from spaces.catalogue import find_space
from spaces.parameters import find_parameters
from spaces.recipe import ImageShape

IMAGES = ImageShape(height=8, width=8, channels=1)
PRUNER = "percentile"
SPACE = replace(find_space("cnn_cifar"), baselines={}, starts={})
ASKED = 15
WARMING = 2
"""Trials that are not measured: what is imported at a first trial's end is no cost of a trial."""

Loop = Callable[[int, int], float]
"""Takes trials and epochs; returns seconds."""


def main() -> None:
    """Measure, and print tables and one JSON object."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    arguments = _arguments()
    loops = _loops(with_ray_tune=arguments.ray_tune)
    seconds = {
        f"{trials}x{epochs}": _interleaved(loops, trials, epochs, arguments) for trials, epochs in arguments.sizes
    }
    asking = {history: _ask_seconds(history) for history in arguments.history}
    for (trials, epochs), taken in zip(arguments.sizes, seconds.values(), strict=True):
        print(f"{trials} trials of {epochs} epochs; median [least..most] of {arguments.repeats}")
        print(f"{'loop':24}  {'trials/s':>24}  {'reports/s':>24}")
        for name, took in taken.items():
            print(f"{name:24}  {_rate(took, trials):>24}  {_rate(took, trials * epochs):>24}")
    print(f"{'history':24}  {'ask ms':>24}  {'first ask ms':>24}")
    for history, (first, *others) in asking.items():
        print(f"{history:<24}  {_spread([took * 1e3 for took in others]):>24}  {first * 1e3:24.1f}")
    print(json.dumps({"seconds": seconds, "ask_seconds": asking}))


def _loops(*, with_ray_tune: bool) -> dict[str, Loop]:
    loops: dict[str, Loop] = {
        "tamiz, SQLite": _driver_seconds,
        "optuna, in memory": partial(_optuna_seconds, storage=None),
        "optuna, SQLite": _optuna_sqlite_seconds,
    }
    if not with_ray_tune:
        return loops
    if importlib.util.find_spec("ray") is None or importlib.util.find_spec("pyarrow") is None:
        print("Ray Tune is not installed, so its rows are left out; they need ray[tune]")
        return loops
    from benchmarks import noop_tune

    noop_tune.start(InstantWorkers.count)
    return loops | {
        "ray tune, reused actors": partial(noop_tune.seconds, reuse_actors=True),
        "ray tune": partial(noop_tune.seconds, reuse_actors=False),
    }


def _interleaved(
    loops: dict[str, Loop], trials: int, epochs: int, arguments: argparse.Namespace
) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for measure in loops.values():
        measure(WARMING, epochs)
    for _ in range(arguments.repeats):
        for name, measure in loops.items():
            seconds[name].append(measure(trials, epochs))
    return seconds


def _rate(seconds: Sequence[float], done: int) -> str:
    return _spread([done / took for took in seconds])


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.1f} [{min(values):.1f}..{max(values):.1f}]"


def _study(settings: RunSettings, study: optuna.Study, stored: WriteBehindStudy | None = None) -> Study:
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
        space="cnn_cifar", study="noop", data="digits", trials=trials, epochs=epochs, pruner=PRUNER, runs=runs
    )


def _driver_seconds(trials: int, epochs: int) -> float:
    with tempfile.TemporaryDirectory() as runs, (Path(runs) / "lines").open("w") as lines:
        settings = _settings(runs, trials, epochs)
        folder = RunFolder.at(Path(runs), settings.study)
        progress = PlainProgress(lines)
        with study_storage(f"sqlite:///{folder.database}") as storage:
            stored = open_stored_study(storage, settings)
            study = _study(settings, stored.study, stored)
            parts = SearchParts(
                settings=settings,
                study=study,
                workers=InstantWorkers(),
                folder=folder,
                progress=progress,
                stop=StopRequest(progress.note),
                budget=TrialBudget(trials=trials, timeout_seconds=None),
                timer=TrialTimer(),
                stalls=StallDetector(),
                checkpoints=Checkpoints(folder.path, progress),
                models=KeptModels(folder, Direction.MAXIMIZE),
                saver=RetryingSaver(study, note=progress.note),
                disk=DiskGuard(folder.path, note=progress.note, wait_seconds=0.0),
            )
            search = Search(parts)
            began = time.perf_counter()
            search.run()
            took = time.perf_counter() - began
            complete = stored.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
            assert len(complete) == trials, "a trial was pruned, so there were fewer reports"
            return took


def _optuna_sqlite_seconds(trials: int, epochs: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        return _optuna_seconds(trials, epochs, storage=f"sqlite:///{folder}/study.db")


def _optuna_seconds(trials: int, epochs: int, *, storage: str | None) -> float:
    def objective(trial: optuna.Trial) -> float:
        settled.suggest(trial)
        for epoch in range(1, epochs + 1):
            trial.report(score(trial.number, epoch), epoch)
            trial.should_prune()
        return score(trial.number, epochs)

    study = optuna.create_study(
        storage=storage, direction=METRICS["val_accuracy"].direction, pruner=make_pruner(PRUNER, epochs)
    )
    settled = _study(_settings("runs", trials, epochs), study)
    began = time.perf_counter()
    study.optimize(objective, n_trials=trials)
    return time.perf_counter() - began


def _ask_seconds(history: int) -> list[float]:
    """Return the times of asking for a trial and choosing its recipe, after so many finished trials.

    The first looks at all of them, as after the start of a run that goes on.
    """
    study = optuna.create_study(direction="maximize")
    settled = _study(_settings("runs", history + ASKED, 1), study)
    study.sampler = draw = optuna.samplers.RandomSampler(seed=0)
    settled.suggest(study.ask())
    first = study.get_trials(deepcopy=False)[0]
    study.tell(first.number, _scattered(0))
    for number in range(1, history):
        params = {name: draw.sample_independent(study, first, name, one) for name, one in first.distributions.items()}
        study.add_trial(create_trial(params=params, distributions=first.distributions, value=_scattered(number)))
    took = []
    for number in range(ASKED):
        began = time.perf_counter()
        asked = settled.ask()
        assert asked is not None
        settled.suggest(asked)
        took.append(time.perf_counter() - began)
        study.tell(asked, _scattered(number))
    return took


def _scattered(trial: int) -> float:
    return 0.5 + 0.001 * (trial * 7919 % 100)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=_sizes, default=[(60, 6), (10, 200)], help="trials x epochs, by commas")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--history", type=_numbers, default=[10, 1000, 5000, 20000], help="finished trials, by commas")
    parser.add_argument("--ray-tune", action="store_true", help="let Ray Tune run beside them; needs ray[tune]")
    return parser.parse_args()


def _numbers(text: str, by: str = ",") -> list[int]:
    return [int(part) for part in text.split(by)]


def _sizes(text: str) -> list[tuple[int, int]]:
    sizes = (_numbers(part, by="x") for part in text.split(",") if part)
    return [(trials, epochs) for trials, epochs in sizes]


if __name__ == "__main__":
    main()
