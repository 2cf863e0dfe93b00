"""Rows 5 and 6 of the fault table: Ctrl-C twice, and SIGTERM, while an epoch takes minutes.

Given a search whose epoch takes far longer than a machine that goes away leaves, or a person waits; the fault is
SIGTERM, or a second Ctrl-C; the process ends with 143 within ten seconds, or with 130 within two, a person reads how to
go on, and the trial goes on with the epoch that was cut short.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from optuna.trial import FrozenTrial

from reports.stored.study_copy import copy_study
from tests.faults.driver.test_kills import kept

pytestmark = pytest.mark.slow

SPACE = '''
"""A network whose batches take a second each while a file named `slow` lies beside this one."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from objectives.networks.registry import build
from spaces.recipe import Fit, Network, Recipe

DEFAULT_DATA = "digits"


@dataclass(frozen=True, kw_only=True)
class Sleepy(Network):
    """Pixels straight to the output layer, with a rest before."""


@build.register(Sleepy)
def _build(network, images):
    import keras
    import tensorflow as tf

    def rest(pixels):
        if Path(__file__).with_name("slow").exists():
            Path(__file__).with_name("resting").touch()
            time.sleep(1.0)
        return pixels

    class Rest(keras.layers.Layer):
        def call(self, pixels):
            return tf.ensure_shape(tf.numpy_function(rest, [pixels], tf.float32), pixels.shape)

    return keras.layers.Flatten()(Rest()(images))


def suggest(trial):
    rate = trial.suggest_float("learning_rate", 1e-3, 1e-2, log=True)
    return Recipe(network=Sleepy(), fit=Fit(learning_rate=rate, batch_size=16))
'''


DOZE = """def _build(network, images):
    (Path(__file__).parent / "dozing").touch()
    time.sleep(1e6)
"""


def begin(folder: Path, executor: str, *options: str, space: str = SPACE) -> subprocess.Popen[str]:
    """Begin a search of one trial without end."""
    (folder / "sleepy.py").write_text(space)
    what = ["--space", str(folder / "sleepy.py"), "--study", "s", "--trials", "1", "--epochs", "100000"]
    where = ["--data", "digits", "--executor", executor, "--runs", str(folder), "--workers", "1"]
    command = [sys.executable, "-m", "search", "run", *what, *where, *options]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ.copy())


def wait(searching: subprocess.Popen[Any], until: Callable[[], object]) -> None:
    """Wait for something while a search goes on."""
    while not until():
        assert searching.poll() is None, "the search ended by itself"
        time.sleep(0.05)


def terminate(searching: subprocess.Popen[str], folder: Path) -> FrozenTrial:
    """Send SIGTERM, see the search end as it should, and return its only trial as it is stored."""
    began = time.monotonic()
    searching.send_signal(signal.SIGTERM)
    _, said = searching.communicate(timeout=60)
    seconds = time.monotonic() - began
    assert (searching.returncode, seconds < 10) == (143, True), f"{seconds:.1f} s\n{said}"
    assert "PC: @" not in said + (folder / "s" / "workers.log").read_text()
    assert said.splitlines()[-1] == f"resume with: python -m search resume s --runs {folder}"
    (trial,) = copy_study(folder / "s" / "study.db", "s").get_trials()
    return trial


@pytest.mark.parametrize("executor", ["inline", "ray"])
def test_sigterm_waits_for_no_epoch_and_costs_that_epoch_alone(tmp_path: Path, executor: str) -> None:
    searching = begin(tmp_path, executor)
    own = tmp_path / "s" / "trials" / "0000"
    wait(searching, lambda: kept(own))
    (tmp_path / "slow").touch()
    wait(searching, (tmp_path / "resting").exists)
    trial = terminate(searching, tmp_path)
    assert (trial.state.name, max(trial.intermediate_values)) == ("RUNNING", kept(own)[-1])


def test_a_training_that_stops_nowhere_ends_with_the_process_and_has_not_failed(tmp_path: Path) -> None:
    searching = begin(tmp_path, "inline", space=SPACE.replace("def _build(network, images):", DOZE))
    wait(searching, (tmp_path / "dozing").exists)
    trial = terminate(searching, tmp_path)
    assert (trial.state.name, trial.intermediate_values) == ("RUNNING", {})


@pytest.mark.parametrize("executor", ["inline", "ray"])
def test_a_second_ctrl_c_ends_at_once_and_the_study_can_still_be_resumed(tmp_path: Path, executor: str) -> None:
    (tmp_path / "slow").touch()
    searching = begin(tmp_path, executor)
    wait(searching, (tmp_path / "resting").exists)
    processes = psutil.Process(searching.pid).children(recursive=True)
    searching.send_signal(signal.SIGINT)
    assert searching.stderr is not None
    while not (line := searching.stderr.readline()).startswith("stopping:"):
        assert line, "the search ended by itself"
    searching.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, said = searching.communicate(timeout=60)
    seconds = time.monotonic() - began
    assert line == "stopping: finishing the current epochs (Ctrl-C again to stop now)\n"
    assert (searching.returncode, seconds < 2) == (130, True), f"{seconds:.1f} s\n{said}"
    assert said.splitlines() == [
        "stopping the workers",
        "error: stopped immediately; finished trials are saved",
        f"resume with: python -m search resume s --runs {tmp_path}",
    ]
    (trial,) = copy_study(tmp_path / "s" / "study.db", "s").get_trials()
    assert (trial.state.name, trial.intermediate_values) == ("RUNNING", {})
    assert psutil.wait_procs(processes, timeout=10)[1] == []
