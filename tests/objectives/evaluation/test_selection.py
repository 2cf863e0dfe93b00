"""Which models greedy selection puts together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from objectives.evaluation.selection import selected

LABELS = np.ones(3, np.int32)


def model(*of_the_right_class: float) -> NDArray[np.float32]:
    """Return a model's probabilities of two classes."""
    return np.array([[1 - p, p] for p in of_the_right_class], np.float32)


GOOD, OTHER, BAD = model(0.9, 0.3, 0.8), model(0.5, 0.9, 0.5), model(0.1, 0.1, 0.1)


def test_models_that_make_up_for_each_other_are_put_together() -> None:
    assert sorted(selected([BAD, GOOD, OTHER], LABELS, most=2)) == [1, 2]


def test_a_model_counts_as_often_as_it_was_chosen() -> None:
    one, two = model(0.9, 0.2), model(0.1, 0.7)
    chosen = selected([one, two], LABELS[:2], most=20)
    shares = np.array([chosen.count(0), chosen.count(1)]) / len(chosen)

    losses = [-np.log(share * one[:, 1] + (1 - share) * two[:, 1]).mean() for share in np.linspace(0, 1, 101)]
    assert abs(shares[0] - np.linspace(0, 1, 101)[np.argmin(losses)]) < 0.06
    assert len(chosen) > 2


def test_one_that_nothing_betters_stays_alone() -> None:
    assert selected([BAD, GOOD], LABELS, most=20) == [1]


def test_more_than_the_most_are_not_put_together() -> None:
    assert len(selected([GOOD, OTHER], LABELS, most=3)) <= 3
