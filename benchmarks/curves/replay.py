"""Stopping rules judged on curves of real trainings: `python -m benchmarks.curves replay`.

For each data set and space of the table, the search loop of Tamiz, with two workers in simulated time, tries the
trainings in a random order, once under each rule (see `simulation`). The unpruned search of 24 trials sets the time
that all rules have. The regret is how much less the winner so far scores than the best training in the table, after a
quarter, half and all of that time; where no trial has completed by then, the worst training counts as the winner.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import optuna

from benchmarks import bootstrap
from benchmarks.curves import asha, table
from benchmarks.curves.plan import DATA
from benchmarks.curves.rules import is_late, make_rule
from benchmarks.curves.simulation import Curve, Ended, search
from benchmarks.curves.table import Trainings
from search.algorithms.pruners import PRUNERS, make_pruner

KINDS = {"corrected": "val_accuracy", "plain": "val_accuracy_plain"}
"""Kind of running averages to the column of scores measured with them."""
SHARES = (0.25, 0.5, 1.0)
"""Of the unpruned search's time, at which winners are compared."""
ASHA = "ASHA, published"
REFERENCE = "percentile"
"""The rule that differences are counted from: Tamiz' default when the benchmark was written."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One search under one rule."""

    regrets: tuple[float, ...]
    """At each of `SHARES`."""
    tried: int
    stopped: int
    """Trials that the rule stopped."""
    good_stopped: int
    """Of these, how many end in the table's best quarter where they are trained to their end."""
    best_was_stopped: bool
    """Whether one of those stopped would have beaten the winner: what promotion could change at most."""
    promotion_helps: bool
    """Whether the stopped trial that was best when it was stopped would have beaten the winner."""


def main(words: Sequence[str]) -> None:
    """Print a table for each data set, space and kind of score, and one JSON object."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    arguments = _arguments(words)
    found = {}
    trainings = {
        number: rows
        for number, rows in (table.read(arguments.scratch) | table.read(arguments.table)).items()
        if rows[0]["data"] in arguments.data
    }
    for kind in arguments.kinds:
        for name, curves in curves_of(trainings, column=KINDS[kind], groups=arguments.groups).items():
            recipes = len({curve.recipe for curve in curves})
            if recipes < arguments.trials:
                print(f"{name}: {recipes} recipes so far, fewer than the {arguments.trials} of a search\n")
                continue
            outcomes = replay(curves, rules=arguments.rules, seeds=arguments.seeds, trials=arguments.trials)
            print(f"{name}, {kind} averages: {len(curves)} trainings of {recipes} recipes, {arguments.seeds} orders")
            found[f"{name}, {kind}"] = _print(outcomes)
    print(json.dumps(found))


def curves_of(trainings: Trainings, *, column: str, groups: Sequence[str]) -> dict[str, list[Curve]]:
    """Return the trainings of these groups by data set and space; those that failed in their first epoch are left out.

    Args:
        trainings: of the table.
        column: of the scores.
        groups: values of the table's column of that name.
    """
    curves: dict[str, list[Curve]] = {}
    for rows in trainings.values():
        first, measured = rows[0], [row for row in rows if row[column]]
        if measured and first["group"] in groups:
            parameters = json.loads(first["parameters"])
            curves.setdefault(f"{first['data']}, {first['space']}, {first['epochs']} epochs", []).append(
                Curve(
                    recipe=first["recipe"],
                    schedule=parameters["schedule"],
                    warmup=parameters.get("warmup", 0.0),
                    scores=tuple(float(row[column]) for row in measured),
                    seconds=tuple(float(row["cpu_seconds"]) for row in measured),
                    is_start=first["group"] == "start",
                )
            )
    return curves


def replay(curves: Sequence[Curve], *, rules: Sequence[str], seeds: int, trials: int) -> dict[str, list[Outcome]]:
    """Return the outcomes under each rule, one for each random order.

    Args:
        curves: trainings of one space on one data set.
        rules: see `benchmarks.curves.rules`, and `ASHA`.
        seeds: number of orders.
        trials: of the unpruned search.
    """
    epochs = max(len(curve.scores) for curve in curves)
    outcomes: dict[str, list[Outcome]] = {rule: [] for rule in rules}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(seeds):
            order = in_random_order(curves, seed)
            budget = search(
                order[:trials],
                pruner=make_pruner("none", epochs),
                epochs=epochs,
                timeout_seconds=None,
                folder=Path(folder),
            )[-1].at_seconds
            for rule in rules:
                ends = (
                    asha.search(order, epochs=epochs, timeout_seconds=budget)
                    if rule == ASHA
                    else search(
                        order,
                        pruner=make_rule(rule, epochs),
                        waits_for_rates=not is_late(rule),
                        epochs=epochs,
                        timeout_seconds=budget,
                        folder=Path(folder),
                    )
                )
                outcomes[rule].append(outcome(ends, curves=curves, budget=budget, epochs=epochs))
    return outcomes


def in_random_order(curves: Sequence[Curve], seed: int) -> list[Curve]:
    """Return one training of each recipe, in an order that the seed decides; starts come first."""
    mixed = [curves[place] for place in np.random.default_rng(seed).permutation(len(curves))]
    one_each = {curve.recipe: curve for curve in mixed}.values()
    return sorted(one_each, key=lambda curve: not curve.is_start)


def outcome(ends: Sequence[Ended], *, curves: Sequence[Curve], budget: float, epochs: int) -> Outcome:
    """Return what became of one search.

    Args:
        ends: its trials that ended, in time.
        curves: all that it might have tried.
        budget: seconds that it had.
        epochs: of a training that is not stopped.
    """
    finals = [curve.final for curve in curves]
    winners = [
        max((one.curve.final for one in ends if one.is_complete and one.at_seconds <= share * budget), default=None)
        for share in SHARES
    ]
    scores = [min(finals) if winner is None else winner for winner in winners]
    stopped = [one for one in ends if not one.is_complete and len(one.curve.scores) == epochs]
    best_when_stopped = max(stopped, key=lambda one: max(one.curve.scores[: one.epochs]), default=None)
    good = float(np.quantile(finals, 0.75))
    return Outcome(
        regrets=tuple(max(finals) - score for score in scores),
        tried=len(ends),
        stopped=len(stopped),
        good_stopped=sum(one.curve.final >= good for one in stopped),
        best_was_stopped=any(one.curve.final > scores[-1] for one in stopped),
        promotion_helps=best_when_stopped is not None and best_when_stopped.curve.final > scores[-1],
    )


def _print(outcomes: dict[str, list[Outcome]]) -> dict[str, object]:
    """Print a row for each rule, with 95 % bootstrap intervals over the orders, and return the means."""
    reference = np.array([one.regrets for one in outcomes[REFERENCE]]) if REFERENCE in outcomes else None
    heads = [f"regret at {100 * share:.0f} %" for share in SHARES]
    heads += [] if reference is None else [f"less than {REFERENCE} at {100 * share:.0f} %" for share in SHARES]
    heads += ["trials", "stopped trials from the best quarter", "a stopped one was better", "promotion helps"]
    print(f"| rule | {' | '.join(heads)} |\n|{'---|' * (len(heads) + 1)}")
    means: dict[str, object] = {}
    for rule, of_rule in outcomes.items():
        regrets = 100 * np.array([one.regrets for one in of_rule])
        cells = [bootstrap.mean(column) for column in regrets.T]
        if rule == REFERENCE:
            cells += [""] * len(SHARES)
        elif reference is not None:
            cells += [bootstrap.mean(column) for column in (100 * reference - regrets).T]
        tried = np.mean([one.tried for one in of_rule])
        stopped = sum(one.stopped for one in of_rule)
        good = f"{100 * sum(one.good_stopped for one in of_rule) / stopped:.1f} %" if stopped else ""
        better, promoted = (
            f"{100 * np.mean(counted):.0f} %"
            for counted in ([one.best_was_stopped for one in of_rule], [one.promotion_helps for one in of_rule])
        )
        print(f"| {' | '.join([rule, *cells, f'{tried:.0f}', good, better, promoted])} |")
        means[rule] = {"regrets": regrets.mean(axis=0).tolist(), "tried": float(tried), "good_stopped": good}
    print()
    return means


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.curves replay",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--scratch", type=Path, default=table.TABLE, help="trainings that the table lacks so far")
    parser.add_argument("--table", type=Path, default=table.TABLE)
    parser.add_argument("--data", nargs="+", choices=tuple(DATA), default=tuple(DATA))
    parser.add_argument("--seeds", type=int, default=100, help="random orders")
    parser.add_argument("--trials", type=int, default=24, help="of the unpruned search")
    parser.add_argument("--rules", nargs="+", default=["none", *(name for name in PRUNERS if name != "none"), ASHA])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--groups", nargs="+", choices=("random", "start", "near"), default=["random"])
    return parser.parse_args(words)
