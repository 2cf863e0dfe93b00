"""The table of gains."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks import bootstrap
from benchmarks.searches.plan import FRESH
from benchmarks.searches.table import Row, Trainings, best_of, luck_numbers, trainings_of


@dataclass(frozen=True, kw_only=True)
class Gain:
    """How much better than the best start of a search something is, as shares of the images."""

    score: float
    """By the scores in the search, of which the best is partly luck."""
    validation: float
    """In mean over fresh seeds."""
    test: float


def show(rows: Sequence[Row]) -> None:
    """Print the table of one space and data set, in points of accuracy."""
    trainings = trainings_of(rows)
    searches: dict[str, dict[int, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row.sampler:
            searches[row.sampler][row.images_seed].append(row)
    gains = {sampler: _gains(of_seed, trainings) for sampler, of_seed in searches.items()}
    print("| trials of | searches | better than the best start | by their scores | trained again | on test images |")
    print("|---|---|---|---|---|---|")
    for sampler, found in gains.items():
        _print_row(sampler, found)
    if not gains:
        return
    first, *others = gains
    _print_row("the start itself", _luck(searches[first], trainings))
    for sampler in others:
        both = sorted(gains[sampler].keys() & gains[first].keys())
        pairs = [(gains[sampler][seed], gains[first][seed]) for seed in both]
        _print_row(f"{sampler} beyond {first}", {seed: _minus(*pair) for seed, pair in zip(both, pairs, strict=True)})


def _gains(searches: Mapping[int, Sequence[Row]], trainings: Trainings) -> dict[int, Gain]:
    """Return by seed what the best trial of the sampler gains; nothing where no such trial or start was completed."""
    found = {}
    for seed, trials in searches.items():
        sampled, start = best_of(trials)
        if sampled is None or start is None:
            continue
        again, start_again = (_mean(trainings, best, FRESH) for best in (sampled, start))
        if again is not None and start_again is not None:
            found[seed] = Gain(
                score=sampled.score - start.score,
                validation=again[0] - start_again[0],
                test=again[1] - start_again[1],
            )
    return found


def _luck(searches: Mapping[int, Sequence[Row]], trainings: Trainings) -> dict[int, Gain]:
    """Return by seed what the best start gains by as many other seeds as the sampler had trials."""
    found = {}
    for seed, trials in searches.items():
        _, start = best_of(trials)
        if start is None:
            continue
        again, start_again = _mean(trainings, start, luck_numbers(trials)), _mean(trainings, start, FRESH)
        if again is not None and start_again is not None:
            scores = [trainings[seed, start.parameters, number].score for number in luck_numbers(trials)]
            found[seed] = Gain(
                score=float(np.nanmax(scores)) - start.score,
                validation=again[0] - start_again[0],
                test=again[1] - start_again[1],
            )
    return found


def _mean(trainings: Trainings, trial: Row, numbers: Sequence[int]) -> tuple[float, float] | None:
    """Return mean accuracies on validation and test images; None where trainings are missing. A failed one counts 0."""
    rows = [trainings.get((trial.images_seed, trial.parameters, number)) for number in numbers]
    there = [row for row in rows if row is not None]
    if not there or len(there) < len(rows):
        return None
    validation, test = np.nan_to_num([(row.score, row.test) for row in there]).mean(axis=0)
    return float(validation), float(test)


def _minus(one: Gain, other: Gain) -> Gain:
    return Gain(score=one.score - other.score, validation=one.validation - other.validation, test=one.test - other.test)


def _print_row(title: str, gains: Mapping[int, Gain]) -> None:
    if not gains:
        return
    better = sum(gain.validation > 0 for gain in gains.values())
    columns = zip(*((gain.score, gain.validation, gain.test) for gain in gains.values()), strict=True)
    cells = " | ".join(bootstrap.mean(100 * np.array(column), sign="+") for column in columns)
    print(f"| {title} | {len(gains)} | {better} of {len(gains)} | {cells} |")
