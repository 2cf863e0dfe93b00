"""Row 18 of the fault table: a machine runs out of memory, for real.

Given a search on Ray whose memory monitor, or a limit of the system, leaves little room; the fault is a network that
takes far more; it is tried again alone, then it has failed with its cause, and the search goes on.
"""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from search.driver.run import run_search
from search.settings import RunSettings
from spaces.catalogue import find_space
from tests.search.fixtures.toy import ListeningProgress

SPACE = '''
"""Networks of which some take all the memory that they can get."""

import resource
import time
from dataclasses import dataclass

import numpy as np

from objectives.networks.registry import build
from spaces.recipe import Fit, Network, Recipe

DEFAULT_DATA = "digits"
BASELINES = {takes: {"takes": takes} for takes in ("too much", "more than it may", "little")}


@dataclass(frozen=True, kw_only=True)
class Greedy(Network):
    """Pixels straight to the output layer."""

    takes: str


@build.register(Greedy)
def _build(network, images):
    import keras
    import psutil

    taken = []
    if network.takes == "too much":
        while True:
            taken.append(np.ones(2**25))
            time.sleep(0.05)
    if network.takes == "more than it may":
        little_more = psutil.Process().memory_info().vms + 2**26
        resource.setrlimit(resource.RLIMIT_AS, (little_more, resource.RLIM_INFINITY))
        taken.append(np.ones(2**30))
    return keras.layers.Flatten()(images)


def suggest(trial):
    takes = trial.suggest_categorical("takes", ["too much", "more than it may", "little"])
    return Recipe(network=Greedy(takes=takes), fit=Fit(learning_rate=0.01))
'''
_room = 0.12
"""Of the machine's memory, beside what is used now: enough for Ray and a worker."""


@pytest.mark.slow
@pytest.mark.timeout(600)  # workers start five times
def test_who_takes_too_much_is_tried_again_and_fails_with_its_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = psutil.virtual_memory()
    used = 1 - memory.available / memory.total
    monkeypatch.setenv("RAY_memory_usage_threshold", str(used + _room))
    monkeypatch.setenv("RAY_memory_monitor_refresh_ms", "50")
    (tmp_path / "greedy.py").write_text(SPACE)
    settings = RunSettings(
        space=str(tmp_path / "greedy.py"), study="s", data="digits", trials=3, epochs=1, train_images=400, workers=1,
        runs=str(tmp_path),
    )  # fmt: skip
    said = ListeningProgress()
    run_search(settings, space=find_space(settings.space), progress=said, command="run")
    ended = {one.baseline: (one.state, one.cause, one.attempt) for one in said.ended_trials}
    assert ended == {
        "too much": ("FAIL", "host_oom", 2),
        "more than it may": ("FAIL", "host_oom", 2),
        "little": ("COMPLETE", None, 1),
    }
    assert [note.split(":")[1].split(" while")[0].split(" at ")[0].strip() for note in said.notes] == [
        "worker's machine ran out of memory",
        "out of host memory",
    ]
    assert all(note.endswith("- retrying from the start (attempt 2/2)") for note in said.notes)
