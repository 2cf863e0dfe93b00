"""The images that a report shows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import entropy as scipy_entropy

from objectives.messages import Predictions
from reports.classifier.mistakes import confident_mistakes, entropy, hardest, worth_a_look

FOUR = Predictions(
    probabilities=np.array([[0.5, 0.5], [1.0, 0.0], [0.1, 0.9], [0.3, 0.7]], dtype=np.float32),
    labels=np.array([0, 0, 0, 0], dtype=np.int32),
    images=np.array([40, 10, 20, 30], dtype=np.int32),
)


def test_entropy_equals_scipys() -> None:
    p = np.random.default_rng(0).dirichlet(np.ones(5), size=20)
    assert entropy(p) == pytest.approx(scipy_entropy(p, axis=1))


def test_certainty_has_no_entropy() -> None:
    assert entropy(np.array([[1.0, 0.0]])).tolist() == [0.0]


def test_the_least_certain_image_is_hardest() -> None:
    assert [look.image for look in hardest(FOUR, most=2)] == [40, 30]


def test_the_surest_mistake_comes_first_and_hits_are_left_out() -> None:
    assert [look.image for look in confident_mistakes(FOUR, most=5)] == [20, 30]


def test_what_is_worth_a_look_is_all_that_is_shown() -> None:
    assert worth_a_look(FOUR, most=2).tolist() == [20, 30, 40]
