"""What holds for every space: ours, and the one that a person wrote in one file."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from objectives.messages import Objective, StudyData
from objectives.networks.registry import build
from spaces.backbones import Backbones
from spaces.catalogue import find_space, space_names, with_backbones
from spaces.errors import UsageError
from spaces.parameters import Parameter, RandomSuggest, find_parameters, recipe_for
from spaces.recipe import ImageShape, Network, Recipe
from spaces.space import Parameters, ParameterValue, Space

EXAMPLE = Path(__file__).parents[2] / "examples" / "my_space.py"
CIFAR = ImageShape(height=32, width=32, channels=3)
SMALL = ImageShape(height=8, width=8, channels=1)
LARGE = ImageShape(height=300, width=200, channels=3)

UNTRAINED = Backbones(names=("VGG16", "InceptionV3", "MobileNetV3Small"), weights="none")
"""What can be had without a network."""


def _with_untrained(space: Space) -> Space:
    try:
        return with_backbones(space, UNTRAINED)
    except UsageError:
        return space  # it does not use a backbone


every_space = pytest.mark.parametrize(
    "space",
    [_with_untrained(find_space(name)) for name in (*space_names(), str(EXAMPLE))],
    ids=lambda space: space.name,
)
every_shape = pytest.mark.parametrize(
    "images", [SMALL, CIFAR, LARGE], ids=lambda shape: f"{shape.height}x{shape.width}x{shape.channels}"
)


@every_space
def test_it_says_what_it_is_and_how_to_run_it(space: Space) -> None:
    assert "python -m search run --space " in space.docstring


@every_space
@every_shape
def test_each_baseline_and_each_start_is_accepted_for_any_images(space: Space, images: ImageShape) -> None:
    given = [*space.baselines.values(), *space.starts.values()]
    recipes = [recipe_for(space, params, images=images, classes=2) for params in given]

    assert len(recipes) > 0


@every_space
@every_shape
def test_each_recipe_survives_json(space: Space, images: ImageShape) -> None:
    recipes = [_random_recipe(space, seed, images) for seed in range(50)]

    assert [Recipe.from_json(recipe.to_json()) for recipe in recipes] == recipes


@every_space
def test_each_parameter_has_an_effect_on_the_recipe(space: Space) -> None:
    without = {
        p.name for p in _parameters(space) if not _is_fixed(p) and not any(a != b for a, b in _changed(space, p))
    }

    assert without == set()


@pytest.mark.slow
@every_space
def test_each_choice_of_network_has_an_effect_on_the_layers(space: Space) -> None:
    without = {
        parameter.name
        for parameter in _parameters(space)
        if (pairs := [(a, b) for a, b in _changed(space, parameter) if a.network != b.network])
        and not any(_layers(a.network, CIFAR) != _layers(b.network, CIFAR) for a, b in itertools.islice(pairs, 20))
    }

    assert without == set()


@pytest.mark.slow
@every_space
@every_shape
def test_each_network_builds_for_any_images(space: Space, images: ImageShape) -> None:
    assert all(_layers(_random_recipe(space, seed, images).network, images) for seed in range(8))


@pytest.mark.slow
@every_space
def test_each_baseline_and_each_start_trains_saves_and_loads(
    space: Space, small_digits: StudyData, tmp_path: Path
) -> None:
    import keras

    from objectives.training.training import Training

    few = _first(small_digits, 32)
    shown = few.validation.images[few.validation.indices]
    for name, params in {**space.baselines, **space.starts}.items():
        recipe = recipe_for(space, params, images=SMALL, classes=10)
        training = Training(recipe=recipe, data=few, objective=Objective(metric="val_loss", epochs=1), seed=0)
        report = training.advance()
        result = training.finish(keep_model=True)
        file = tmp_path / f"{name}.keras"
        file.write_bytes(result.model or b"")

        assert math.isfinite(report.metrics["loss"])
        np.testing.assert_allclose(
            keras.models.load_model(file).predict(shown, verbose=0), result.predictions.probabilities, atol=1e-5
        )


class ChoosingAgain(RandomSuggest):
    """Chooses what was chosen before, and at random where nothing was."""

    def __init__(self, before: Parameters) -> None:
        super().__init__(seed=0, images=CIFAR, classes=10)
        self._before = before

    def _answer(self, parameter: Parameter) -> ParameterValue:
        return self._before[parameter.name] if parameter.name in self._before else super()._answer(parameter)


def _parameters(space: Space) -> tuple[Parameter, ...]:
    return find_parameters(space, images=CIFAR, classes=10)


def _is_fixed(parameter: Parameter) -> bool:
    """Whether there is nothing to choose for these images and classes: one unit is for two classes, say."""
    return len(parameter.choices) == 1 if parameter.choices else parameter.low == parameter.high


def _random_recipe(space: Space, seed: int, images: ImageShape) -> Recipe:
    return space.suggest(RandomSuggest(seed=seed, images=images, classes=10))


def _changed(space: Space, parameter: Parameter) -> Iterator[tuple[Recipe, Recipe]]:
    """Yield pairs of recipes whose choices differ in that parameter only, and in what depends on it."""
    for seed in range(50):
        trial = RandomSuggest(seed=seed, images=CIFAR, classes=10)
        recipe = space.suggest(trial)
        for value in parameter.choices or (parameter.low, parameter.high):
            if parameter.name not in trial.chosen or value is None or value == trial.chosen[parameter.name]:
                continue
            chosen = trial.chosen | {parameter.name: int(value) if parameter.kind == "int" else value}
            yield recipe, space.suggest(ChoosingAgain(chosen))


@functools.lru_cache(maxsize=50)
def _layers(network: Network, images: ImageShape) -> str:
    """Return the layers that a network consists of, as JSON."""
    import keras

    import objectives.networks.assemble  # noqa: F401 - registers our builders

    keras.utils.clear_session(free_memory=False)  # names of layers count from 1 again; a collection takes long
    pixels = keras.Input((images.height, images.width, images.channels))
    layers: str = keras.Model(pixels, build(network, pixels)).to_json()
    return layers


def _first(data: StudyData, count: int) -> StudyData:
    train = replace(data.train, indices=data.train.indices[:count])
    return replace(data, train=train, validation=replace(data.validation, indices=data.validation.indices[:count]))
