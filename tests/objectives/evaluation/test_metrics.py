"""Every metric equals scikit-learn's."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from objectives.evaluation.metrics import METRICS, Direction, measure


def _predictions(seed: int, count: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    weights = chance.exponential(size=(count, classes)) ** 3
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32), chance.integers(0, classes, count)


@given(seed=st.integers(0, 10_000), count=st.integers(1, 40), classes=st.integers(2, 12))
def test_each_metric_equals_that_of_scikit_learn(seed: int, count: int, classes: int) -> None:
    probabilities, labels = _predictions(seed, count, classes)
    predicted = probabilities.argmax(axis=1)
    every, present = list(range(classes)), np.unique(labels)
    recalls = sk.recall_score(labels, predicted, labels=present, average=None, zero_division=0)

    assert measure(probabilities, labels) == pytest.approx(
        {
            "val_accuracy": sk.accuracy_score(labels, predicted),
            "val_loss": sk.log_loss(labels, probabilities, labels=every),
            "macro_f1": sk.f1_score(labels, predicted, labels=present, average="macro", zero_division=0),
            "worst_class_recall": recalls.min(),
            "balanced_accuracy": recalls.mean(),
        },
        rel=1e-6,
        abs=1e-6,
    )


def test_every_metric_is_measured() -> None:
    assert set(measure(*_predictions(0, 10, 3))) == set(METRICS)


@pytest.mark.parametrize("absent", [0, 1, 2])
def test_with_every_prediction_right_a_class_without_images_costs_nothing(absent: int) -> None:
    labels = np.delete(np.arange(3), absent)
    found = measure(np.eye(3, dtype=np.float32)[labels], labels)

    assert {name: found[name] for name in METRICS if METRICS[name].is_fraction} == {
        "val_accuracy": 1.0,
        "macro_f1": 1.0,
        "worst_class_recall": 1.0,
        "balanced_accuracy": 1.0,
    }


def test_predicting_a_class_without_images_costs_the_true_class_its_recall_alone() -> None:
    probabilities = np.eye(3, dtype=np.float32)[[0, 0, 1, 2]]

    assert measure(probabilities, np.array([0, 0, 1, 1]))["macro_f1"] == pytest.approx((1 + 2 / 3) / 2)


def test_a_probability_of_zero_for_the_truth_costs_a_finite_loss() -> None:
    assert measure(np.array([[1.0, 0.0]], np.float32), np.array([1]))["val_loss"] == pytest.approx(15.94, abs=0.01)


@pytest.mark.parametrize(("direction", "beaten"), [(Direction.MAXIMIZE, [0.1]), (Direction.MINIMIZE, [0.3])])
def test_only_a_strictly_better_score_beats_another(direction: Direction, beaten: list[float]) -> None:
    assert [other for other in (0.1, 0.2, 0.3, math.nan) if direction.is_better(0.2, other)] == beaten


@pytest.mark.parametrize(("direction", "best"), [(Direction.MAXIMIZE, 0.3), (Direction.MINIMIZE, -0.1)])
def test_the_best_score_is_the_one_whose_signed_score_is_largest(direction: Direction, best: float) -> None:
    scores = [0.2, 0.3, -0.1]

    assert (direction.best_of(scores), max(scores, key=lambda score: direction.sign * score)) == (best, best)


def test_reading_the_metrics_imports_no_numpy() -> None:
    program = "import sys, objectives.evaluation.metrics; print('numpy' in sys.modules, 'sklearn' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "False False\n"
