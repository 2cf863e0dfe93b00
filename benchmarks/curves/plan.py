"""The trainings whose curves are kept: always the same list, in an order of which each beginning is useful."""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from spaces.catalogue import find_space
from spaces.errors import ImpossibleChoiceError
from spaces.parameters import Parameter, RandomSuggest, find_parameters, recipe_for
from spaces.recipe import ImageShape, Recipe
from spaces.records import to_plain
from spaces.space import Parameters, ParameterValue, Space

Group = Literal["random", "start", "near"]
T = TypeVar("T")
CHANGED = 3
"""Parameters in which a point near a start differs from it."""
_width = 0.5
"""Of the normal distribution that a logarithmic parameter's logarithm moves by."""
_near_share = 0.2
_seeds = 3
"""Of each recipe that is trained more than once."""


@dataclass(frozen=True, kw_only=True)
class Data:
    """Images of one data set: how many train and validate, and what they look like."""

    name: str
    shape: ImageShape
    classes: int = 10
    images: int | None = None
    """For training and validation together; None: all."""
    image_size: int | None = None
    """Pixels that images of a folder are brought to."""


_grey = ImageShape(height=28, width=28, channels=1)
_colour = ImageShape(height=32, width=32, channels=3)
DATA = {
    data.name: data
    for data in (
        Data(name="digits", shape=ImageShape(height=8, width=8, channels=1)),
        Data(name="fashion_mnist", shape=_grey, images=2500),
        Data(name="cifar10", shape=_colour, images=2500),
        Data(name="simpsons5", shape=_colour, classes=5, images=1200, image_size=32),
    )
}


@dataclass(frozen=True, kw_only=True)
class Part:
    """Trainings of one space on one data set."""

    data: str
    space: str
    trainings: int
    repeated: int
    """Recipes that are trained with three seeds."""
    epochs: int
    begins: float
    """Where in the whole list its first training comes, from 0 to 1."""


PARTS = (
    Part(data="digits", space="cnn_cifar", trainings=320, repeated=29, epochs=8, begins=0.0),
    Part(data="digits", space="mlp_fashion", trainings=100, repeated=9, epochs=12, begins=0.3),
    Part(data="digits", space="resnet_cifar", trainings=80, repeated=7, epochs=10, begins=0.4),
    Part(data="fashion_mnist", space="cnn_cifar", trainings=100, repeated=9, epochs=8, begins=0.15),
    Part(data="fashion_mnist", space="mlp_fashion", trainings=100, repeated=9, epochs=12, begins=0.3),
    Part(data="cifar10", space="cnn_cifar", trainings=100, repeated=9, epochs=8, begins=0.4),
    Part(data="cifar10", space="resnet_cifar", trainings=50, repeated=4, epochs=10, begins=0.6),
    Part(data="simpsons5", space="cnn_folder", trainings=50, repeated=4, epochs=10, begins=0.8),
)


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One training of the list."""

    data: str
    space: str
    group: Group
    parameters: Parameters
    seed: int
    epochs: int

    @property
    def recipe(self) -> Recipe:
        """What is trained."""
        data = DATA[self.data]
        return recipe_for(find_space(self.space), self.parameters, images=data.shape, classes=data.classes)

    @property
    def recipe_hash(self) -> str:
        """12 hexadecimal digits; different parameters may make the same recipe."""
        return hashlib.sha256(json.dumps(to_plain(self.recipe), sort_keys=True).encode()).hexdigest()[:12]


@functools.cache
def planned() -> tuple[Planned, ...]:
    """Return all trainings; their position is their number, from 0."""
    return tuple(_merged([(part.begins, list(_of_part(part))) for part in PARTS]))


def _of_part(part: Part) -> Iterator[Planned]:
    """Yield the starts, then random points, points near the starts and repetitions with other seeds, mixed."""
    space, data = find_space(part.space), DATA[part.data]
    starts = [*space.starts.values(), *space.baselines.values()]
    near_count = round(_near_share * part.trainings)
    random_count = part.trainings - len(starts) - near_count - (_seeds - 1) * part.repeated
    drawn = (
        _chosen(space, RandomSuggest(seed=seed, images=data.shape, classes=data.classes)) for seed in itertools.count()
    )
    possible = (params for params in drawn if params is not None)
    points: list[tuple[Group, Parameters]] = [("start", start) for start in starts]
    points += [("random", params) for params in itertools.islice(possible, random_count)]
    points += [("near", params) for params in _near(space, data, starts, near_count)]
    trainings = [
        [
            Planned(
                data=part.data,
                space=part.space,
                group=group,
                parameters=params,
                seed=_seeds * number + repeat,
                epochs=part.epochs,
            )
            for repeat in range(_seeds)
        ]
        for number, (group, params) in enumerate(points)
    ]
    first = [seeds[0] for seeds in trainings]
    again = [training for seeds in trainings[: part.repeated] for training in seeds[1:]]
    at_random = len(starts) + random_count
    yield from first[: len(starts)]
    yield from _merged([(0.0, first[len(starts) : at_random]), (0.1, first[at_random:]), (0.3, again)])


def _merged(lists: Sequence[tuple[float, Sequence[T]]]) -> list[T]:
    """Return the items of all lists, each list spread evenly from where it begins (0 to 1) to the end."""
    placed = [
        (begins + (1.0 - begins) * (position + 0.5) / len(items), item)
        for begins, items in lists
        for position, item in enumerate(items)
    ]
    return [item for _, item in sorted(placed, key=lambda pair: pair[0])]


def _near(space: Space, data: Data, starts: Sequence[Parameters], count: int) -> Iterator[Parameters]:
    """Yield points that differ from the starts, which take turns, in a few parameters."""
    parameters = find_parameters(space, images=data.shape, classes=data.classes)
    draw = random.Random(f"near {space.name} {data.name}")
    yielded = 0
    while yielded < count:
        start = starts[yielded % len(starts)]
        changeable = [one for one in parameters if one.name in start and (one.choices is None or len(one.choices) > 1)]
        changes = {one.name: _changed(one, start[one.name], draw) for one in draw.sample(changeable, CHANGED)}
        suggest = _Given(start | changes, seed=draw.randrange(2**32), data=data)
        if (params := _chosen(space, suggest)) is not None:
            yielded += 1
            yield params


def _changed(parameter: Parameter, value: ParameterValue, draw: random.Random) -> ParameterValue:
    """Return another choice, a neighbour in steps, or a value a little larger or smaller."""
    if parameter.choices is not None:
        return draw.choice([choice for choice in parameter.choices if choice != value])
    low, high, step = parameter.low, parameter.high, parameter.step
    assert isinstance(value, int | float)
    assert low is not None
    assert high is not None
    if parameter.log or step is None:
        moved = value * math.exp(_width * draw.gauss(0.0, 1.0))
        return min(max(moved, low), high)
    neighbours = [neighbour for neighbour in (value - step, value + step) if parameter.accepts(neighbour)]
    return draw.choice(neighbours)


class _Given(RandomSuggest):
    """Answers with given parameters, and at random where they leave one out."""

    def __init__(self, params: Parameters, *, seed: int, data: Data) -> None:
        super().__init__(seed=seed, images=data.shape, classes=data.classes)
        self._params = params

    def _answer(self, parameter: Parameter) -> ParameterValue:
        return self._params[parameter.name] if parameter.name in self._params else super()._answer(parameter)


def _chosen(space: Space, suggest: RandomSuggest) -> Parameters | None:
    """Return what a space was answered; None: those choices do not go together."""
    try:
        space.suggest(suggest)
    except ImpossibleChoiceError:
        return None
    return suggest.chosen
