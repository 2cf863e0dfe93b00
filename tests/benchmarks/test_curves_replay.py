"""Replays of searches in simulated time: what ends when, which rule stops what, and how the outcomes are counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.curves import asha
from benchmarks.curves.gains import compare
from benchmarks.curves.replay import ASHA, curves_of, in_random_order, outcome, replay
from benchmarks.curves.rules import make_rule
from benchmarks.curves.simulation import Curve, search
from search.algorithms.pruners import make_pruner


def _curve(number: int, *scores: float, seconds: float = 1.0) -> Curve:
    return Curve(recipe=str(number), schedule="constant", scores=scores, seconds=(seconds,) * len(scores))


def _rising(number: int, final: float, *, epochs: int = 4) -> Curve:
    return _curve(number, *(final * epoch / epochs for epoch in range(1, epochs + 1)))


def test_two_workers_take_the_seconds_of_the_curves(tmp_path: Path) -> None:
    curves = [_curve(0, 0.1, 0.2, seconds=10.0), _curve(1, 0.3, 0.4, seconds=1.0), _curve(2, 0.5, 0.6, seconds=3.0)]

    ends = search(curves, pruner=make_pruner("none", 2), epochs=2, timeout_seconds=None, folder=tmp_path)

    assert [(one.curve.recipe, one.at_seconds, one.is_complete) for one in ends] == [
        ("1", 2.0, True),
        ("2", 8.0, True),
        ("0", 20.0, True),
    ]
    assert not [*tmp_path.iterdir()]


def test_a_search_ends_at_its_simulated_timeout(tmp_path: Path) -> None:
    curves = [_curve(number, 0.1, 0.2, seconds=5.0) for number in range(6)]

    ends = search(curves, pruner=make_pruner("none", 2), epochs=2, timeout_seconds=15.0, folder=tmp_path)

    assert [one.at_seconds for one in ends] == [10.0, 10.0]


def test_a_training_that_diverged_is_a_trial_without_a_score(tmp_path: Path) -> None:
    ends = search([_curve(0, 0.9)], pruner=make_pruner("none", 2), epochs=2, timeout_seconds=None, folder=tmp_path)

    assert [(one.epochs, one.at_seconds, one.is_complete) for one in ends] == [(1, 2.0, False)]


def test_a_pruner_of_the_product_stops_poor_trials_of_the_replay(tmp_path: Path) -> None:
    curves = [*(_rising(number, 0.8) for number in range(6)), _rising(6, 0.1), _rising(7, 0.9)]

    ends = search(curves, pruner=make_pruner("percentile", 4), epochs=4, timeout_seconds=None, folder=tmp_path)

    assert [(one.curve.recipe, one.epochs) for one in ends if not one.is_complete] == [("6", 1)]


def test_published_asha_promotes_the_best_third_of_a_rung() -> None:
    curves = [_rising(number, final) for number, final in enumerate([0.2, 0.9, 0.4, 0.3, 0.1, 0.8])]

    ends = asha.search(curves, epochs=4, timeout_seconds=100.0)

    # The rungs are at 1, 3 and 4 epochs: two of six reach the second, none of those two the last.
    assert ends == []
    more = [*curves, *(_rising(number, 0.05) for number in range(6, 9))]
    assert [one.curve.recipe for one in asha.search(more, epochs=4, timeout_seconds=100.0)] == ["1"]


def test_outcomes_count_regret_and_what_stopped_trials_would_have_reached(tmp_path: Path) -> None:
    late = _curve(6, 0.01, 0.01, 0.01, 0.95)
    curves = [*(_rising(number, 0.8) for number in range(6)), late, _rising(7, 0.9)]
    ends = search(curves, pruner=make_pruner("percentile", 4), epochs=4, timeout_seconds=None, folder=tmp_path)

    found = outcome(ends, curves=curves, budget=16.0, epochs=4)

    assert found.regrets == pytest.approx((0.15, 0.15, 0.05))
    assert (found.tried, found.stopped, found.good_stopped) == (8, 1, 1)
    assert found.best_was_stopped
    assert found.promotion_helps


def test_before_a_trial_completed_the_worst_counts_as_the_winner() -> None:
    found = outcome([], curves=[_rising(0, 0.2), _rising(1, 0.9)], budget=1.0, epochs=4)

    assert found.regrets == pytest.approx((0.7, 0.7, 0.7))


def test_all_rules_have_the_time_of_the_unpruned_search() -> None:
    curves = [_rising(number, 0.1 + 0.01 * (number * 7 % 40)) for number in range(40)]

    outcomes = replay(curves, rules=["none", "percentile", ASHA], seeds=3, trials=12)

    assert [one.tried for one in outcomes["none"]] == [12, 12, 12]
    assert all(one.tried > 12 for one in outcomes["percentile"])
    assert replay(curves, rules=["percentile"], seeds=3, trials=12)["percentile"] == outcomes["percentile"]


@pytest.mark.parametrize(
    ("rule", "epochs"),
    [("median", 1), ("median from 3", 3), ("median, cosine from 3", 1), ("median, constant from 3", 3)],
)
def test_a_rule_may_decide_later_or_for_one_schedule_alone(tmp_path: Path, rule: str, epochs: int) -> None:
    curves = [*(_rising(number, 0.8) for number in range(6)), _rising(6, 0.1)]

    ends = search(curves, pruner=make_rule(rule, 4), epochs=4, timeout_seconds=None, folder=tmp_path)

    assert [one.epochs for one in ends if not one.is_complete] == [epochs]


def test_gains_are_compared_with_those_of_the_following_trials() -> None:
    curves = [_rising(number, 0.1 + 0.008 * number) for number in range(100)]
    start = Curve(recipe="start", schedule="constant", scores=(0.5, 0.6, 0.7, 0.8), seconds=(1.0,) * 4, is_start=True)

    pairs = compare([start, *curves], pruner="none", after=[12, 30], seeds=20)

    assert [len(pairs[count]) for count in (12, 30)] == [20, 20]
    assert all(0.0 <= gained <= 0.1 for _, gained in pairs[12])  # nothing scores more than 0.892
    assert max(gained for _, gained in pairs[30]) > 0.0
    assert {estimate.trials for estimate, _ in pairs[12]} == {20}


def test_an_order_has_each_recipe_once_and_starts_first() -> None:
    start = Curve(recipe="start", schedule="one_cycle", scores=(0.9,), seconds=(1.0,), is_start=True)
    curves = [_curve(number % 5, 0.1 * number) for number in range(10)]
    orders = [in_random_order([*curves, start], seed) for seed in range(5)]

    assert {order[0].recipe for order in orders} == {"start"}
    assert all(sorted(one.recipe for one in order) == [*"01234", "start"] for order in orders)
    assert len({tuple(one.scores for one in order) for order in orders}) == 5


def test_curves_are_told_apart_by_data_and_space() -> None:
    def row(space: str, group: str, epoch: int, accuracy: str) -> dict[str, str]:
        first = {"data": "digits", "space": space, "group": group, "recipe": space, "epochs": "2"}
        measured = {"val_accuracy": accuracy, "val_accuracy_plain": "0.1", "cpu_seconds": "3.0"}
        return {**first, **measured, "parameters": '{"schedule":"cosine"}' if epoch == 1 else ""}

    trainings = {
        0: [row("a", "random", 1, "0.1"), row("a", "random", 2, "0.2")],
        1: [row("b", "start", 1, "0.3"), row("b", "start", 2, "")],
        2: [row("a", "near", 1, "0.4"), row("a", "near", 2, "0.5")],
        3: [row("a", "random", 1, "")],
    }

    curves = curves_of(trainings, column="val_accuracy", groups=["random", "start"])

    assert curves == {
        "digits, a, 2 epochs": [Curve(recipe="a", schedule="cosine", scores=(0.1, 0.2), seconds=(3.0, 3.0))],
        "digits, b, 2 epochs": [
            Curve(recipe="b", schedule="cosine", scores=(0.3,), seconds=(3.0,), is_start=True),
        ],
    }
