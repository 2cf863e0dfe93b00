"""A tiny search on a Ray of its own, for tests to run in a process of its own: LOG_FILE and what to meet."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import psutil

from objectives.records import Decision, Examples, Objective, StudyData, TrainingTask
from search.ray_session import RaySession
from search.ray_workers import RayWorkers
from search.workers import EpochReported, Event, WorkerReady
from spaces.catalogue import find_space
from spaces.recipe import Recipe


def main(log_file: Path, *, meets: str) -> None:
    """Print pids of Ray's processes, then "trained" when a training was done despite what it met."""
    space = find_space(str(Path(__file__).with_name("odd_space.py")))
    session = RaySession.begin(log_file=log_file, workers=1, modules=[space.suggest.__module__])
    if meets == "an early end":
        time.sleep(2)
        print(*(child.pid for child in psutil.Process().children(recursive=True)))
        began = time.monotonic()
        session.close()
        sys.exit(0 if time.monotonic() - began < 0.5 else "close took long")
    workers = RayWorkers(session=session, data=_data(), objective=Objective(metric="val_accuracy", epochs=1))
    _next(workers)
    print(*(child.pid for child in psutil.Process().children(recursive=True)))
    print(log_file.parent, flush=True)
    if meets == "a dead worker":
        workers.start(_task(fault="killed"))
        _next(workers)
        time.sleep(2)  # for Ray to print what it has to say of it
        assert isinstance(_next(workers), WorkerReady)
    if meets == "SIGTERM":
        signal.signal(signal.SIGTERM, lambda *_: print("own handler", flush=True))
        os.kill(os.getpid(), signal.SIGTERM)
    if meets == "SIGTERM early":
        os.kill(os.getpid(), signal.SIGTERM)
    if meets == "SIGKILL":
        os.kill(os.getpid(), signal.SIGKILL)
    workers.start(_task())
    assert isinstance(_next(workers), EpochReported)
    workers.apply(0, Decision.FINISH)
    _next(workers)
    if meets == "no close":
        print("trained")
        return
    workers.close()
    print("trained")


def _next(workers: RayWorkers) -> Event:
    while (event := workers.next_event(1.0)) is None:
        pass
    return event


def _task(*, fault: str = "") -> TrainingTask:
    plain = {"network": {"type": "Odd", "fault": fault}, "fit": {"learning_rate": 0.01}}
    return TrainingTask(trial=0, recipe=Recipe.from_plain(plain), seed=0)


def _data() -> StudyData:
    rows = np.arange(40, dtype=np.int32)
    some = Examples(images=np.zeros((40, 4, 4, 1), np.uint8), labels=rows % 2, indices=rows)
    return StudyData(train=some, validation=some, test=None, classes=("a", "b"))


if __name__ == "__main__":
    if sys.argv[2] == "SIGTERM early":
        signal.signal(signal.SIGTERM, lambda *_: print("own handler", flush=True))
    main(Path(sys.argv[1]), meets=sys.argv[2])
