"""The tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from benchmarks.winners.answers import Answer, answers, luck
from benchmarks.winners.plan import Plan

_trainings = {
    "the confirmed winner, in mean over two seeds": 6,
    "the winner refitted, same epochs": 1,
    "the winner refitted, same steps": 1,
    "the winner refitted, 1.5 times the epochs": 1,
    "the refit's weights averaged (use_ema)": 1,
    "the refit on each test image and its mirror image": 1,
    "two refits averaged": 2,
    "three refits averaged": 3,
    "the confirmed winner refitted": 7,
}
"""Beyond the search."""


def show(plan: Plan) -> None:
    """Print what is handed over, in per cent of the test images and in points beyond the search's winner."""
    seeds = sorted({row.images_seed for row in plan.rows()})
    found: dict[str, dict[int, Answer]] = defaultdict(dict)
    for seed in seeds:
        for title, answer in answers(plan, plan.trials_of(seed)).items():
            found[title][seed] = answer
    print("| handed over | seeds | trainings more | score | test | score - test | test beyond the search's winner |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    reference = next(iter(found.values()), {})
    for title, by_seed in found.items():
        scores = [100 * answer.score for answer in by_seed.values() if answer.score is not None]
        optimism = [100 * (answer.score - answer.test) for answer in by_seed.values() if answer.score is not None]
        gains = [100 * (by_seed[seed].test - reference[seed].test) for seed in by_seed if seed in reference]
        cells = [
            title,
            str(len(by_seed)),
            str(_trainings.get(title, 0)),
            f"{np.mean(scores):.2f}" if scores else "",
            f"{100 * np.mean([answer.test for answer in by_seed.values()]):.2f}",
            _interval(optimism) if scores else "",
            "" if by_seed is reference else _interval(gains),
        ]
        print(f"| {' | '.join(cells)} |")
    by_luck = [100 * one for seed in seeds if (one := luck(plan, plan.trials_of(seed))) is not None]
    if by_luck:
        beyond = f"{_interval(by_luck)} points, {len(by_luck)} seeds"
        print(f"\nthe winner's score beyond the mean of its recipe's fresh seeds, on the same images: {beyond}")


def _interval(values: Sequence[float]) -> str:
    draw = np.random.default_rng(0)
    means = draw.choice(values, size=(10_000, len(values))).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return f"{np.mean(values):+.2f} [{low:+.2f}..{high:+.2f}]"
