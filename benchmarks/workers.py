"""Two workers against one on the same trainings, and what a warm worker adds to a training.

    python -m benchmarks.workers [--networks digits notebook] [--repeats 3] [--trainings 8] [--epochs 4] [--images 480]

The networks are a digits-size one, another architecture each time, and that of 307,498 weights on images of 32x32.
One worker has both cores. Both crews train the same recipes; repeats are interleaved, and only the time between the
first start and the last end counts: Ray and Keras are up before. Needs two free cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cases import data_of, recipe_of
from objectives.messages import Decision, Objective, StudyData, TrainingTask
from search.workers.protocol import EpochReported, TrainingEnded, TrainingFailed, WorkerReady
from search.workers.ray_backend.session import RaySession
from search.workers.ray_backend.workers import RayWorkers
from spaces.recipe import ConvNet, Fit, Recipe, Stage


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One crew's work."""

    seconds: float
    """From the first start to the last end."""
    overheads: tuple[float, ...]
    """Of each training but a worker's first: from its start to its first report, less building and the epoch."""


def main() -> None:
    """Measure, and print a table and one JSON object."""
    arguments = _arguments()
    print(json.dumps({network: _compare(network, arguments) for network in arguments.networks}))


def _compare(network: str, arguments: argparse.Namespace) -> dict[str, Any]:
    data = data_of(network, images=arguments.images)
    tasks = [_task(network, number) for number in range(arguments.trainings)]
    found: dict[int, list[Measured]] = {1: [], 2: []}
    for _ in range(arguments.repeats):
        for crew in found:
            found[crew].append(_measure(crew, tasks, data, epochs=arguments.epochs))
    ratios = [two.seconds / one.seconds for one, two in zip(found[1], found[2], strict=True)]
    overheads = [overhead for crew in found.values() for measured in crew for overhead in measured.overheads]
    print(f"{network:>8}  {'one worker s':>12}  {'two workers s':>13}  {'ratio':>5}")
    for number, (one, two) in enumerate(zip(found[1], found[2], strict=True), start=1):
        print(f"{number:8}  {one.seconds:12.2f}  {two.seconds:13.2f}  {two.seconds / one.seconds:5.2f}")
    print(f"warm overhead: median {statistics.median(overheads):.3f} s, most {max(overheads):.3f} s", flush=True)
    return {
        "two_workers_over_one": {"median": statistics.median(ratios), "low": min(ratios), "high": max(ratios)},
        "warm_overhead_seconds": {"median": statistics.median(overheads), "high": max(overheads)},
        "seconds": {str(crew): [measured.seconds for measured in found[crew]] for crew in found},
    }


def _measure(crew: int, tasks: list[TrainingTask], data: StudyData, *, epochs: int) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        session = RaySession.begin(log_file=Path(folder, "log.txt"), workers=crew)
        workers = RayWorkers(session=session, data=data, objective=Objective(metric="val_accuracy", epochs=epochs))
        try:
            while workers.idle < crew:
                workers.next_event(1.0)
            return _train_all(workers, tasks, epochs=epochs)
        finally:
            workers.close()


def _train_all(workers: RayWorkers, tasks: list[TrainingTask], *, epochs: int) -> Measured:
    left, ended = deque(tasks), 0
    started: dict[int, float] = {}
    first_reports: dict[int, float] = {}
    on_worker: dict[int, list[int]] = {}
    overheads: list[float] = []
    began = time.perf_counter()
    while ended < len(tasks):
        while workers.idle and left:
            task = left.popleft()
            started[task.trial] = time.perf_counter()
            on_worker.setdefault(workers.start(task), []).append(task.trial)
        match workers.next_event(1.0):
            case EpochReported() as event:
                if event.report.epoch == 1:
                    first_reports[event.trial] = time.perf_counter() - started[event.trial] - event.report.seconds
                is_last = event.report.epoch == epochs
                workers.apply(event.trial, Decision.FINISH if is_last else Decision.CONTINUE)
            case TrainingEnded() as event:
                ended += 1
                if on_worker[event.worker][0] != event.trial:
                    overheads.append(first_reports[event.trial] - event.result.seconds_building)
            case TrainingFailed() as event:
                raise RuntimeError(event.failure.message)
            case WorkerReady() | None:
                continue
    return Measured(seconds=time.perf_counter() - began, overheads=tuple(overheads))


def _task(network: str, number: int) -> TrainingTask:
    if network == "notebook":
        return TrainingTask(trial=number, recipe=recipe_of(network), seed=number)
    stages = tuple(Stage(filters=16 * 2**n, convolutions=1) for n in range(2))
    small = ConvNet(stages=stages, kernel=3, dense_units=32 + number)
    return TrainingTask(
        trial=number, recipe=Recipe(network=small, fit=Fit(learning_rate=1e-3, batch_size=32)), seed=number
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", choices=("digits", "notebook"), default=["digits", "notebook"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--trainings", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--images", type=int, default=480, help="of 32x32; the digits are always all")
    return parser.parse_args()


if __name__ == "__main__":
    main()
