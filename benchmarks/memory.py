"""What a warm worker's memory does while one training follows another.

    python -m benchmarks.memory [--trials 100] [--images 256] [--epochs 1]
    python -m benchmarks.memory --trials 30                    a short form

One real Ray worker trains networks that are drawn from `cnn_cifar` for images of the digits' size. As in a search, some
come again: every second trial has the network of the one before, with another learning rate. After each trial the
memory of the worker's process is read: resident (RSS) and, on Linux, with shared pages counted by share (PSS).
A worker whose process changes was replaced, and counts as such, perhaps by `RecyclePolicy`
(`search.workers.ray_backend.pool`).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path

import psutil

from benchmarks.cases import CLASSES, noise
from objectives.messages import Decision, Objective, TrainingTask
from search.workers.protocol import EpochReported, TrainingEnded, TrainingFailed, WorkerReady
from search.workers.ray_backend.session import RaySession
from search.workers.ray_backend.workers import RayWorkers
from spaces.catalogue import find_space
from spaces.parameters import RandomSuggest
from spaces.recipe import ImageShape, Recipe

SHAPE = ImageShape(height=8, width=8, channels=1)
TOLD_AFTER = (1, 10, 25, 50, 100)
"""Trials; and after the last."""
_mib = 2**20


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The worker after a trial."""

    trials: int
    """Done so far."""
    seconds: float
    """Since the first trial began."""
    process: int
    """Its number in the system."""
    resident_mib: float
    proportional_mib: float | None
    """None where the system does not tell."""


def main() -> None:
    """Measure, and print a table and one JSON object."""
    arguments = _arguments()
    objective = Objective(metric="val_accuracy", epochs=arguments.epochs)
    with tempfile.TemporaryDirectory() as folder:
        session = RaySession.begin(log_file=Path(folder, "log.txt"), workers=1)
        workers = RayWorkers(session=session, data=noise(SHAPE, images=arguments.images), objective=objective)
        try:
            readings = list(_readings(workers, trials=arguments.trials, epochs=arguments.epochs))
        finally:
            workers.close()
    told = [reading for reading in readings if reading.trials in {*TOLD_AFTER, len(readings)}]
    print(f"{'trials':>6}  {'RSS MiB':>8}  {'PSS MiB':>8}  {'seconds':>8}")
    for one in told:
        shared = "-" if one.proportional_mib is None else f"{one.proportional_mib:.0f}"
        print(f"{one.trials:6}  {one.resident_mib:8.0f}  {shared:>8}  {one.seconds:8.1f}")
    replaced = sum(one.process != other.process for one, other in pairwise(readings))
    result = {"trials": len(readings), "replaced": replaced, "readings": [asdict(reading) for reading in readings]}
    if len(readings) > 10:
        tenth, last = readings[9], readings[-1]
        ratio = last.resident_mib / tenth.resident_mib
        each = (last.resident_mib - tenth.resident_mib) / (len(readings) - 10)
        print(
            f"after {last.trials} over after 10: {ratio:.2f}; {each:.1f} MiB a trial; worker replaced {replaced} times"
        )
        result |= {"last_over_tenth": ratio, "mib_a_trial_after_tenth": each}
    print(json.dumps(result))


def _readings(workers: RayWorkers, *, trials: int, epochs: int) -> Iterator[Reading]:
    """Train one trial after the other; yield what the worker's process holds after each."""
    while not workers.idle:
        workers.next_event(1.0)
    began = time.perf_counter()
    for number in range(trials):
        workers.start(TrainingTask(trial=number, recipe=_recipe(number), seed=number))
        _train(workers, epochs=epochs)
        process = _worker_process()
        memory = process.memory_full_info()
        yield Reading(
            trials=number + 1,
            seconds=time.perf_counter() - began,
            process=process.pid,
            resident_mib=memory.rss / _mib,
            proportional_mib=memory.pss / _mib if hasattr(memory, "pss") else None,
        )


def _train(workers: RayWorkers, *, epochs: int) -> None:
    """Let the training under way end."""
    while True:
        match workers.next_event(1.0):
            case EpochReported() as event:
                is_last = event.report.epoch == epochs
                workers.apply(event.trial, Decision.FINISH if is_last else Decision.CONTINUE)
            case TrainingEnded():
                return
            case TrainingFailed() as event:
                raise RuntimeError(event.failure.message)
            case WorkerReady() | None:
                continue


def _worker_process() -> psutil.Process:
    """Return the process of the one worker: Ray names it after its class."""
    found = [
        child for child in psutil.Process().children(recursive=True) if "ray::WorkerActor" in " ".join(child.cmdline())
    ]
    if len(found) != 1:
        raise RuntimeError(f"{len(found)} workers are running; expected one")
    return found[0]


def _recipe(number: int) -> Recipe:
    """Return the recipe of a trial: a new network, or that of the trial before with another learning rate."""
    draw, again = divmod(number, 2)
    recipe = find_space("cnn_cifar").suggest(RandomSuggest(seed=draw, images=SHAPE, classes=CLASSES))
    fit = recipe.fit
    return replace(recipe, fit=replace(fit, learning_rate=fit.learning_rate / 2)) if again else recipe


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
