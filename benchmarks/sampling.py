"""How soon a sampler betters a good start, on made-up spaces of the size of `cnn_cifar`.

    python -m benchmarks.sampling [--spaces 40] [--trials 60] [--conditional]

Each made-up space has 14 choices and 11 ranges, of which few matter much, as in real searches, and some act together.
With `--conditional`, four of the ranges depend on a choice, about as in `mlp_fashion`. The first trials are a good
start and three poor ones, as after baselines. Every setting searches the same spaces; the table says how much better
than the start its best trial is after so many trials, in mean over the spaces, with the standard error of its
difference to Optuna's default. Real searches: `benchmarks.searches`.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import optuna
from numpy.typing import NDArray

from search.algorithms.samplers import make_sampler

CHOICES = (3, 4, 2, 2, 2, 4, 2, 2, 2, 4, 7, 4, 3, 4)
"""How many values each choice has."""
RANGES = 11
CONDITION = {7: 0, 8: 0, 9: 1, 10: 1}
"""Conditional range to the value of the first choice with which it is suggested; with others, it counts as 0.5."""
SHOWN_AFTER = (12, 16, 20, 30, 60)
INTERACTIONS = 8


@dataclass(frozen=True, kw_only=True)
class Point:
    """What a trial chose."""

    choices: tuple[int, ...]
    ranges: tuple[float, ...]
    """Each from 0 to 1."""

    @property
    def params(self) -> dict[str, int | float]:
        """By the names of the made-up parameters."""
        chosen: dict[str, int | float] = {f"choice{n}": value for n, value in enumerate(self.choices)}
        return chosen | {f"range{n}": value for n, value in enumerate(self.ranges)}


class MadeUpSpace:
    """A score for every point; 0 would be the best if nothing acted together."""

    def __init__(self, seed: int) -> None:
        """Draw one; the same seed draws the same."""
        draw = np.random.default_rng(seed)
        self._losses = [draw.exponential(size=size) * draw.exponential() for size in CHOICES]
        self._losses = [losses - losses.min() for losses in self._losses]
        self._best = draw.random(RANGES)
        self._slopes = 2.0 * draw.exponential(size=RANGES)
        self._together = [
            (int(draw.integers(len(CHOICES))), int(draw.integers(RANGES)), 0.7 * draw.normal())
            for _ in range(INTERACTIONS)
        ]
        self.starts = (self._good(draw), *(_anywhere(draw) for _ in range(3)))

    def score(self, point: Point) -> float:
        """Return how good a point is."""
        distances: NDArray[np.float64] = np.abs(np.array(point.ranges) - self._best)
        loss = float(self._slopes @ distances) + sum(
            float(losses[value]) for losses, value in zip(self._losses, point.choices, strict=True)
        )
        return -loss - sum(weight * (point.choices[a] % 2) * point.ranges[b] for a, b, weight in self._together)

    def _good(self, draw: np.random.Generator) -> Point:
        """A point as practice would recommend it: most choices right, ranges nearly so."""
        right = [int(losses.argmin()) for losses in self._losses]
        choices = [
            best if draw.random() < 0.6 else int(draw.integers(size)) for best, size in zip(right, CHOICES, strict=True)
        ]
        ranges = np.clip(self._best + 0.2 * draw.normal(size=RANGES), 0.0, 1.0)
        return Point(choices=tuple(choices), ranges=tuple(map(float, ranges)))


def main() -> None:
    """Search, and print a table and one JSON object."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    arguments = _arguments()
    settings: dict[str, Callable[[int], optuna.samplers.BaseSampler]] = {
        "optuna's default": lambda seed: optuna.samplers.TPESampler(seed=seed),
        "tpe": lambda seed: make_sampler("tpe", seed=seed, number=0),
        "nearby": lambda seed: make_sampler("nearby", seed=seed, number=0),
        "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
        "optuna's groups": lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True),
    }
    condition = CONDITION if arguments.conditional else {}
    after = [count for count in SHOWN_AFTER if count <= arguments.trials]
    gains: dict[str, list[list[float]]] = {name: [] for name in settings}
    for seed in range(arguments.spaces):
        space = MadeUpSpace(seed)
        for name, make in settings.items():
            gains[name].append(_gains(space, make(seed), after, condition))
    print(f"{'gain after':18}" + "".join(f"{count:>16}" for count in after))
    for name, rows in gains.items():
        cells = [
            _cell([row[n] for row in rows], [row[n] for row in gains["optuna's default"]]) for n in range(len(after))
        ]
        print(f"{name:18}" + "".join(f"{cell:>16}" for cell in cells))
    means = {name: [statistics.mean(column) for column in zip(*rows, strict=True)] for name, rows in gains.items()}
    print(json.dumps({"after": after, "spaces": arguments.spaces, "mean_gains": means}))


def _gains(
    space: MadeUpSpace, sampler: optuna.samplers.BaseSampler, after: Sequence[int], condition: Mapping[int, int]
) -> list[float]:
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for start in space.starts:
        study.enqueue_trial(start.params)
    best: list[float] = []
    for _ in range(after[-1]):
        trial = study.ask()
        choices = tuple(trial.suggest_categorical(f"choice{n}", list(range(size))) for n, size in enumerate(CHOICES))
        ranges = tuple(
            trial.suggest_float(f"range{n}", 0.0, 1.0) if condition.get(n, choices[0]) == choices[0] else 0.5
            for n in range(RANGES)
        )
        study.tell(trial, space.score(Point(choices=choices, ranges=ranges)))
        best.append(study.best_value)
    return [best[count - 1] - best[0] for count in after]


def _cell(gains: Sequence[float], defaults: Sequence[float]) -> str:
    differences = [gain - default for gain, default in zip(gains, defaults, strict=True)]
    error = statistics.stdev(differences) / len(differences) ** 0.5 if len(differences) > 1 else 0.0
    return f"{statistics.mean(gains):.2f}" + (f" +-{error:.2f}" if error else "")


def _anywhere(draw: np.random.Generator) -> Point:
    return Point(
        choices=tuple(int(draw.integers(size)) for size in CHOICES),
        ranges=tuple(float(draw.random()) for _ in range(RANGES)),
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spaces", type=int, default=40)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--conditional", action="store_true", help="let four ranges depend on a choice")
    return parser.parse_args()


if __name__ == "__main__":
    main()
