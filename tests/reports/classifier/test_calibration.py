"""Calibration by hand-made cases."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import top_k_accuracy_score

from reports.classifier.calibration import calibration, top_accuracy
from reports.stored.run import Run


def test_sure_and_right_has_no_error() -> None:
    assert calibration(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0, 1])).error == 0.0


def test_sure_and_half_wrong_is_off_by_a_half() -> None:
    found = calibration(np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([0, 1]))
    assert (found.error, found.overconfidence) == (0.5, 0.5)


def test_bins_weigh_by_their_images() -> None:
    probabilities = np.array([[0.95, 0.05]] * 3 + [[0.55, 0.45]])
    assert calibration(probabilities, np.array([0, 0, 0, 0])).error == pytest.approx((3 * 0.05 + 0.45) / 4)


def test_bins_without_images_are_left_out(digits_run: Run) -> None:
    assert digits_run.test is not None
    found = calibration(digits_run.test.probabilities, digits_run.test.labels)
    assert sum(one.images for one in found.bins) == 360
    assert all(one.images and one.low < one.confidence <= one.high + 1e-7 for one in found.bins)


def test_top_accuracy_equals_scikit_learns(digits_run: Run) -> None:
    assert digits_run.test is not None
    ours = top_accuracy(digits_run.test.probabilities, digits_run.test.labels, k=3)
    assert ours == top_k_accuracy_score(digits_run.test.labels, digits_run.test.probabilities, k=3)
