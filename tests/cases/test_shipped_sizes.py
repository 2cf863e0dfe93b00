"""Every size in the recipes of the shipped spaces may be impossible: reported, at no cost of memory or time."""

from __future__ import annotations

import copy
import resource
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from objectives.messages import Objective, StudyData
from objectives.training import sizes
from objectives.training.failures import TrainingError
from objectives.training.training import Training
from spaces.catalogue import find_space
from spaces.errors import RecordError
from spaces.parameters import recipe_for
from spaces.recipe import ImageShape, Recipe
from spaces.transfer import untrained

IMAGES = ImageShape(height=8, width=8, channels=1)
HARMLESS = {"batch_size", "layers", "epoch", "views"}
"""More than there is has no effect."""
RECIPES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("cnn_cifar", "early_pool_one_cycle", {}),
    ("cnn_folder", "simpsons_notebook_2019", {}),
    ("factors_2x2", "neither", {"augmentation": True, "transfer": True}),
    ("mlp_fashion", "norm_dense", {}),
    ("mlp_fashion", "norm_convolutional", {}),
    ("resnet_cifar", "short_one_cycle", {}),
    ("transfer_frozen", "cifar_vgg16", {}),
    ("transfer_tuned", "cifar_vgg16_augmented", {"unfreeze": 4, "views": None}),
    ("transfer_tuned", "cifar_vgg16_augmented", {"views": 4}),
)


def _record(space: str, name: str, changes: dict[str, Any]) -> dict[str, Any]:
    found = find_space(space)
    choices = {**found.baselines, **found.starts}[name] | changes
    asked = {parameter: choice for parameter, choice in choices.items() if choice is not None}
    return untrained(recipe_for(found, asked, images=IMAGES, classes=10)).to_plain()


def _sizes(record: Any, *path: str | int) -> Iterator[tuple[str | int, ...]]:
    """Yield where each whole number of a record is."""
    if isinstance(record, dict | list):
        for key, value in record.items() if isinstance(record, dict) else enumerate(record):
            yield from _sizes(value, *path, key)
    elif isinstance(record, int) and not isinstance(record, bool):
        yield path


def _with(record: dict[str, Any], path: tuple[str | int, ...], size: int) -> dict[str, Any]:
    changed: Any = copy.deepcopy(record)
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = size
    return changed  # type: ignore[no-any-return]


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine of 2 GiB; this process may take 6 GiB more than it has."""
    monkeypatch.setattr(sizes, "memory_bytes", lambda: 2 * 2**30)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + 6 * 2**30, hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.mark.slow
@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("size", [10**6, 10**9])
@pytest.mark.parametrize(
    ("space", "name", "changes"), RECIPES, ids=[f"{space} {name} {changes}" for space, name, changes in RECIPES]
)
def test_each_size_of_a_shipped_space_may_be_impossible(
    small_digits: StudyData, space: str, name: str, changes: dict[str, Any], size: int
) -> None:
    record = _record(space, name, changes)
    for path in _sizes(record):
        began = time.monotonic()
        try:
            objective = Objective(metric="val_accuracy", epochs=1)
            recipe = Recipe.from_plain(_with(record, path, size))
            Training(recipe=recipe, data=small_digits, objective=objective, seed=0)
            possible = size < 10**9 or path[-1] in HARMLESS or _is_unused(record, path)
        except RecordError:
            possible = True
        except TrainingError as error:
            possible = error.failure.cause == "invalid"
        assert possible, path
        assert time.monotonic() - began < 60, path


def _is_unused(record: dict[str, Any], path: tuple[str | int, ...]) -> bool:
    """Return whether these are the filters of a stage without convolutions."""
    *place, last = path
    if last != "filters" or place[:2] != ["network", "stages"]:
        return False
    return record["network"]["stages"][place[2]]["convolutions"] == 0
