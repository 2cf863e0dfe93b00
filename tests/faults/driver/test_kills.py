"""Rows 1 and 3 of the fault table: kill -9 of a worker, and of the driver, in the middle of a trial.

Given a search under way; what the person sees is a line with the epoch where the trial goes on; what is
on disk at the end is what an undisturbed search leaves.
"""

from __future__ import annotations

import csv
import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from objectives.files.predictions import load as load_predictions
from objectives.messages import EpochReport
from search.driver.run import run_search
from search.settings import RunSettings
from spaces.catalogue import find_space
from tests.search.fixtures.toy import ListeningProgress

pytestmark = pytest.mark.slow

EPOCHS = 8
SPACE = '''
"""Small networks that draw at random while they are trained."""

from spaces.recipe import Augment, ConvNet, Fit, Recipe, Stage

DEFAULT_DATA = "digits"


def suggest(trial):
    stages = (Stage(filters=trial.suggest_int("filters", 4, 8), convolutions=1),)
    rate = trial.suggest_float("learning_rate", 1e-3, 1e-2, log=True)
    return Recipe(
        network=ConvNet(stages=stages, kernel=3, batch_norm=True, dropout=0.2),
        fit=Fit(learning_rate=rate, schedule="cosine", batch_size=16),
        augment=Augment(shift=0.1),
    )
'''


@pytest.fixture
def space_file(tmp_path: Path) -> Path:
    """A person's own space."""
    file = tmp_path / "small.py"
    file.write_text(SPACE)
    return file


def contents(study: Path) -> list[tuple[object, ...]]:
    """Return what a search found, by trial, without anything about the time or the attempt."""
    found = []
    for path in sorted(study.glob("trials/*/result.json")):
        result = json.loads(path.read_text())
        kept = {name: result[name] for name in ("trial", "state", "score", "best_epoch", "epochs", "params", "seed")}
        with (path.parent / "history.csv").open() as file:
            history = [{name: row[name] for name in row if name != "seconds"} for row in csv.DictReader(file)]
        found.append((kept, history, load_predictions(path.parent / "predictions.npz").probabilities.tobytes()))
    return found


@dataclass
class KillingProgress(ListeningProgress):
    """Kills the only worker of this process when one epoch of one trial is reported, and before it measures."""

    kill_at: tuple[int, int] | None = None
    has_killed: bool = False

    def phase(self, line: str) -> None:
        """Kill the worker that is to measure, where the one before it was killed too."""
        if line.startswith("measuring") and self.has_killed:
            self._kill()

    def epoch_reported(self, trial: int, report: EpochReport, *, worker: int) -> None:
        """Kill at the right moment."""
        if (trial, report.epoch) == self.kill_at and not self.has_killed:
            self._kill()

    def _kill(self) -> None:
        self.has_killed = True
        (actor,) = [child for child in psutil.Process().children(recursive=True) if _is_actor(child)]
        actor.kill()


def _is_actor(process: psutil.Process) -> bool:
    try:
        return " ".join(process.cmdline()).startswith("ray::WorkerActor")
    except psutil.Error:
        return False


def search_on_ray(space_file: Path, runs: Path, *, kill_at: tuple[int, int] | None) -> KillingProgress:
    """Search one trial on one Ray worker."""
    settings = RunSettings(
        space=str(space_file), study="s", data="digits", trials=1, epochs=4, train_images=400, runs=str(runs),
        executor="ray", workers=1, pruner="none",
    )  # fmt: skip
    progress = KillingProgress(kill_at=kill_at)
    run_search(settings, space=find_space(str(space_file)), progress=progress, command="run")
    return progress


@pytest.mark.promise
@pytest.mark.timeout(600)  # Ray starts twice
def test_a_killed_worker_costs_one_epoch(space_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.trainings.checkpoints._largest_fraction", math.inf)  # epochs here take no time
    said = search_on_ray(space_file, tmp_path / "killed", kill_at=(0, 3)).notes
    search_on_ray(space_file, tmp_path / "whole", kill_at=None)
    assert [line for line in said if line.startswith("trial")] == [  # a busy machine is waited for
        "trial 0: worker died (SIGKILL) at epoch 4/4 - retrying from epoch 2 (attempt 2/3)",
        "trial 0: worker died (SIGKILL) while measuring - measuring it again (attempt 2/3)",
    ]
    assert contents(tmp_path / "killed" / "s") == contents(tmp_path / "whole" / "s")
    assert not list(tmp_path.glob("killed/s/trials/*/checkpoint"))


def command(verb: str, *options: str) -> list[str]:
    """Return a command line of the search."""
    return [sys.executable, "-m", "search", verb, *options]


def search_inline(space_file: Path, runs: Path) -> subprocess.Popen[str]:
    """Begin a search of two trials in a process of its own."""
    options = ["--data", "digits", "--trials", "2", "--epochs", str(EPOCHS), "--executor", "inline"]
    places = ["--space", str(space_file), "--study", "s", "--runs", str(runs), "--pruner", "none"]
    program = (
        "import math, sys, search.trainings.checkpoints as checkpoints\n"
        "from search.__main__ import main\n"
        "checkpoints._largest_fraction = math.inf\n"  # epochs here take no time
        "sys.exit(main())\n"
    )
    searching = [sys.executable, "-c", program, "run", *places, *options]
    return subprocess.Popen(searching, stderr=subprocess.DEVNULL, text=True)


def kept(trial: Path) -> list[int]:
    """Return the epochs of a trial's whole checkpoints."""
    return sorted(int(digest.name[:4]) for digest in trial.glob("checkpoint/*.sha256"))


@pytest.mark.promise
@pytest.mark.timeout(600)  # three searches in processes of their own
def test_a_killed_driver_s_trial_goes_on_at_its_epoch(space_file: Path, tmp_path: Path) -> None:
    trial = tmp_path / "killed" / "s" / "trials" / "0001"
    running = search_inline(space_file, tmp_path / "killed")
    while not kept(trial):
        assert running.poll() is None, "the search ended before it was killed"
        time.sleep(0.02)
    time.sleep(random.uniform(0.0, 0.5))
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    goes_on_at = kept(trial)[-1] + 1
    resumed = subprocess.run(
        command("resume", "s", "--runs", str(tmp_path / "killed")), capture_output=True, text=True, check=True
    )
    whole = search_inline(space_file, tmp_path / "whole")
    assert whole.wait() == 0
    line = f"resuming 's': 1 done, 1 interrupted (trial 1 continues at epoch {goes_on_at}), 0 to go"
    assert line in resumed.stderr.splitlines()
    assert 1 < goes_on_at <= EPOCHS
    assert contents(tmp_path / "killed" / "s") == contents(tmp_path / "whole" / "s")
