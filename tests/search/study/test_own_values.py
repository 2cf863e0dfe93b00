"""A user's own values come first, and are checked against the space."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from search.results.run_folder import RunFolder
from search.settings import RunSettings
from search.storage.database import study_storage
from search.study.opening import open_study
from search.study.own_values import own_starts
from search.study.study import BASELINE, START
from spaces.errors import UnknownNameError, UsageError
from spaces.recipe import Fit, Recipe
from spaces.space import Space
from spaces.suggest import Suggest
from tests.search.fixtures.toy import IMAGES, RECIPE, ListeningProgress, toy_settings, toy_space


def _choose(trial: Suggest) -> Recipe:
    optimizer = trial.suggest_categorical("optimizer", ["adam", "sgd"])
    momentum = trial.suggest_float("momentum", 0.0, 0.9) if optimizer == "sgd" else 0.9
    views = trial.suggest_int("batch", 8, 64, step=8)
    rate = trial.suggest_float("learning_rate", 1e-3, 1e-1, log=True)
    return replace(RECIPE, fit=Fit(learning_rate=rate, optimizer=optimizer, momentum=momentum, batch_size=views))


ADAM = {"optimizer": "adam", "batch": 16, "learning_rate": 0.01}
SGD = {"optimizer": "sgd", "momentum": 0.5, "batch": 32, "learning_rate": 0.05}


def _space(*enqueued: str) -> Space:
    return replace(toy_space({"lab": ADAM}, choose=_choose), starts={"quick": SGD}).beginning_with(enqueued)


def _own(*enqueued: str) -> list[dict[str, object]]:
    return [dict(params) for params in own_starts(_space(*enqueued), images=IMAGES, classes=3).values()]


@pytest.mark.parametrize(
    ("enqueued", "expected"),
    [
        ("learning_rate=0.02", {**ADAM, "learning_rate": 0.02}),
        ("learning_rate=2e-2, batch=64", {**ADAM, "learning_rate": 0.02, "batch": 64}),
        ("lab:batch=8", {**ADAM, "batch": 8}),
        ("quick:momentum=0", {**SGD, "momentum": 0.0}),
        ("quick:optimizer=Adam", {**ADAM, "batch": 32, "learning_rate": 0.05}),
        ("optimizer=sgd,momentum=0.1", {**ADAM, "optimizer": "sgd", "momentum": 0.1}),
    ],
)
def test_what_is_not_typed_comes_from_a_baseline_or_start(enqueued: str, expected: dict[str, object]) -> None:
    assert _own(enqueued) == [expected]


@pytest.mark.parametrize(
    ("enqueued", "problem"),
    [
        ("learningrate=0.02", "unknown parameter of space 'toy' in --enqueue 'learningrate'. Did you mean 'learning_r"),
        (
            "optimizer=adan",
            "invalid optimizer 'adan' in --enqueue 'optimizer=adan': expected adam, sgd\nDid you mean 'adam",
        ),
        ("learning_rate=2", "invalid learning_rate '2' in --enqueue 'learning_rate=2': expected 0.001 to 0.1 (log)"),
        ("learning_rate=nan", "invalid learning_rate 'nan' in --enqueue 'learning_rate=nan': expected 0.001 to 0.1"),
        ("batch=9", "invalid batch '9' in --enqueue 'batch=9': expected 8 to 64, in steps of 8"),
        ("batch=8.0", "invalid batch '8.0' in --enqueue"),
        (
            "optimizer=sgd",
            "invalid --enqueue 'optimizer=sgd': 'momentum' is missing: expected 0 to 0.9; add NAME=VALUE for",
        ),
        (
            "momentum=0.1",
            "invalid --enqueue 'momentum=0.1': momentum is not chosen beside the other values; it needs opt",
        ),
        ("lob:batch=8", "unknown baseline or start 'lob'. Did you mean 'lab'?\nBaselines and starts: lab, quick."),
        ("batch=", "invalid --enqueue 'batch=': expected values such as learning_rate=0.02,stages=3"),
        ("batch=8,batch=16", "invalid --enqueue 'batch=8,batch=16': expected values such as"),
        ("batch=8,quick", "invalid --enqueue 'batch=8,quick': expected values such as"),
    ],
)
def test_what_does_not_fit_the_space_is_refused(enqueued: str, problem: str) -> None:
    with pytest.raises((UsageError, UnknownNameError), match=re.escape(problem)):
        _own(enqueued)


def test_a_designed_space_takes_no_values() -> None:
    space = replace(_space("batch=8"), repeats=2)
    with pytest.raises(UsageError, match="invalid --enqueue 'batch=8': space 'toy' has REPEATS and trains all its com"):
        own_starts(space, images=IMAGES, classes=3)


def _first_trials(
    tmp_path: Path, *enqueued: str, asked: int, settings: RunSettings | None = None
) -> tuple[list[tuple[str, object]], list[str]]:
    """Open the study of a folder, ask for trials, and return their labels and learning rates, and the notes."""
    progress = ListeningProgress()
    with study_storage(f"sqlite:///{tmp_path}/study.db") as storage:
        study = open_study(
            storage,
            settings or toy_settings(),
            space=_space(*enqueued),
            images=IMAGES,
            classes=3,
            folder=RunFolder.at(tmp_path, "toy"),
            progress=progress,
        )
        found = []
        for _ in range(asked):
            trial = study.ask()
            assert trial is not None
            study.suggest(trial)
            label = trial.user_attrs.get(BASELINE) or trial.user_attrs.get(START) or "sampled"
            found.append((label, trial.params["learning_rate"]))
        study.save()
    return found, progress.notes


def test_own_values_come_first_and_once_however_often_the_study_is_opened(tmp_path: Path) -> None:
    enqueued = ("learning_rate=0.02", "learning_rate=0.03")
    first, _ = _first_trials(tmp_path, *enqueued, asked=1)
    second, _ = _first_trials(tmp_path, *enqueued, asked=3)
    third, _ = _first_trials(tmp_path, *enqueued, asked=1)
    fourth, _ = _first_trials(tmp_path, *enqueued, "learning_rate=0.04", asked=2)

    assert first + second == [(enqueued[0], 0.02), (enqueued[1], 0.03), ("lab", 0.01), ("quick", 0.05)]
    assert [label for label, _ in third] == ["sampled"]
    assert [label for label, _ in fourth] == ["learning_rate=0.04", "sampled"]


def test_names_beside_values_are_the_only_baselines_and_starts(tmp_path: Path) -> None:
    found, _ = _first_trials(tmp_path, "quick", "learning_rate=0.02", asked=3)
    assert [label for label, _ in found] == ["learning_rate=0.02", "quick", "sampled"]


def test_values_without_baselines_and_starts(tmp_path: Path) -> None:
    found, _ = _first_trials(tmp_path, "none", "quick:learning_rate=0.02", asked=2)
    assert [label for label, _ in found] == ["quick:learning_rate=0.02", "sampled"]


def test_values_that_a_baseline_has_are_tried_once(tmp_path: Path) -> None:
    found, notes = _first_trials(tmp_path, "learning_rate=0.01", asked=2)
    assert [label for label, _ in found] == ["lab", "quick"]
    assert notes == ["--enqueue 'learning_rate=0.01' is the recipe of baseline 'lab' of space 'toy'; it is left out"]
