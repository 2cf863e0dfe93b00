"""Rows 10, 16 and 24 of the fault table, at random: settings, recipes, results, spools and data that are damaged.

Given a file that a person, a disk or another program has damaged; what reads it either reads it or raises one error of
ours that says something; never a traceback, and never a hang.
"""

from __future__ import annotations

import random
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from optuna.trial import TrialState

from objectives.data.sources.arrays import read_npz
from objectives.files import checkpoints, predictions
from objectives.messages import TrainingTask
from reports.stored.read import read_run
from reports.stored.run import Run
from search.cli.options import from_file, resolve_options
from search.results.run_folder import RunFolder
from search.storage import spool
from spaces.digest import sha256_of
from spaces.errors import TamizError
from spaces.recipe import Recipe
from tests.faults.files.mutations import mutations_for
from tests.reports.run_folders import write_run
from tests.search.fixtures.scripted_workers import checkpoint_of, steady
from tests.search.fixtures.toy import RECIPE
from tests.search.storage.test_spool import trial

SETTINGS = """
# a person's own
space = "cnn_cifar"
data = "digits"
trials = 12
timeout = "1h30m"
until = 0.97
skip_bad = true
sampler = "tpe"
storage-wait = "90s"
"""


MOST_SECONDS = 5.0
"""Of processor time, for one file: whatever it says, nobody waits for it."""


@dataclass(frozen=True)
class Target:
    """A kind of file and what reads it."""

    name: str
    content: bytes
    read: Callable[[Path], object]


def _settings(path: Path) -> object:
    return resolve_options(from_file(path, path.parent))


def _checkpoint(path: Path) -> object:
    """Read a checkpoint whose digest fits, as if it had been written so."""
    checkpoints.digest_file(path).write_text(f"{sha256_of(path)}  {path.name}\n")
    return checkpoints.load(path)


def _recipe(path: Path) -> object:
    return Recipe.from_json(path.read_text())


def _record(name: str) -> Callable[[Path], object]:
    """Return what reads a file of a run folder in the driver."""

    def read(path: Path) -> object:
        folder = RunFolder(path=path.parent)
        if name == "settings.json":
            return folder.read_run()
        folder.trial(0).mkdir(parents=True, exist_ok=True)
        path.replace(folder.trial(0) / name)
        return folder.read_trial(0) if name == "result.json" else folder.read_recipe(0)

    return read


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of three trials."""
    return write_run(tmp_path_factory.mktemp("runs") / "digits", trials=3, distinct=3)


@pytest.fixture(scope="module")
def targets(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Target]:
    """One of each kind of file that is read alone."""
    place = tmp_path_factory.mktemp("kinds")
    checkpoints.save(checkpoint_of(TrainingTask(trial=0, recipe=RECIPE, seed=3), steady(0.5), epoch=2), place / "1.npz")
    spool.write(place / "spool.jsonl", [trial(0), trial(1, TrialState.RUNNING)])
    some = np.random.default_rng(0)
    np.savez(
        place / "data.npz",
        x_train=some.integers(0, 256, (8, 4, 4, 1), dtype=np.uint8),
        y_train=np.arange(8) % 2,
        x_test=some.random((4, 4, 4)),
        y_test=np.arange(4)[:, None] % 2,
    )
    first = whole / "trials" / "0000"
    return [
        Target("search.toml", SETTINGS.encode(), _settings),
        Target("search.json", (whole / "settings.json").read_bytes(), _settings),
        Target("settings.json", (whole / "settings.json").read_bytes(), _record("settings.json")),
        Target("result.json", (first / "result.json").read_bytes(), _record("result.json")),
        Target("recipe.json", (first / "recipe.json").read_bytes(), _record("recipe.json")),
        Target("predictions.npz", (first / "predictions.npz").read_bytes(), predictions.load),
        Target("0001.npz", (place / "1.npz").read_bytes(), _checkpoint),
        Target("data.npz", (place / "data.npz").read_bytes(), read_npz),
        Target("spool.jsonl", (place / "spool.jsonl").read_bytes(), spool.read),
    ]


def says_what_it_does(read: Callable[[], object]) -> str | None:
    """Return what is wrong with how a damaged file is read; None: nothing."""
    began = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy's, of values that do not fit
            read()
    except TamizError as error:
        if not str(error).strip() or len(str(error)) >= 3000:
            return f"says {str(error)[:100]!r}"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    took = time.process_time() - began
    return f"takes {took:.0f} seconds" if took > MOST_SECONDS else None


def one_by_one(targets: list[Target], folder: Path, cases: range) -> Iterator[str]:
    """Damage each kind of file in turn; yields what went wrong with which seed."""
    for seed in cases:
        target, chance = targets[seed % len(targets)], random.Random(seed)
        content = chance.choice(mutations_for(target.name))(target.content, chance)
        path = folder / target.name
        path.write_bytes(content)
        if problem := says_what_it_does(lambda read=target.read, path=path: read(path)):  # type: ignore[misc]
            yield f"{target.name}, seed {seed}: {problem}"


def in_the_folder(whole: Path, run: Run, cases: range) -> Iterator[str]:
    """Damage a file of a run folder, read the folder as a report does, and put the file right again."""
    files = sorted(path for path in whole.rglob("*") if path.suffix in (".json", ".npz", ".csv"))
    for seed in cases:
        path, chance = files[seed % len(files)], random.Random(seed)
        content = path.read_bytes()
        path.write_bytes(chance.choice(mutations_for(path.name))(content, chance))
        if problem := says_what_it_does(lambda: read_run(whole, study=run.study)):
            yield f"{path.relative_to(whole)}, seed {seed}: {problem}"
        path.write_bytes(content)


def test_a_damaged_file_is_one_error_of_ours(targets: list[Target], tmp_path: Path) -> None:
    assert list(one_by_one(targets, tmp_path, range(300))) == []


def test_a_damaged_run_folder_is_one_error_of_ours(whole: Path) -> None:
    assert list(in_the_folder(whole, read_run(whole), range(60))) == []


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(1200)
def test_ten_thousand_damaged_files_are_as_many_errors_of_ours(targets: list[Target], tmp_path: Path) -> None:
    assert list(one_by_one(targets, tmp_path, range(300, 9_300))) == []


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_thousand_damaged_run_folders_are_as_many_errors_of_ours(whole: Path) -> None:
    assert list(in_the_folder(whole, read_run(whole), range(60, 1_060))) == []
