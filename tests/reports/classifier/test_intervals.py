"""Intervals and tests against published and independent values."""

from __future__ import annotations

import numpy as np
import pytest

from reports.classifier.intervals import mcnemar, mean_interval, wilson


def test_wilson_equals_the_closed_form() -> None:
    z, p, n = 1.959963984540054, 352 / 360, 360
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * (p * (1 - p) / n + z**2 / (4 * n**2)) ** 0.5
    assert wilson(352, 360) == pytest.approx((middle - half, middle + half), abs=1e-12)


@pytest.mark.parametrize("correct", [0, 10])
def test_wilson_stays_between_0_and_1(correct: int) -> None:
    low, high = wilson(correct, 10)
    assert 0.0 <= low < high <= 1.0


def test_mcnemar_counts_images_that_only_one_has_right() -> None:
    found = mcnemar(np.array([True, True, False, True]), np.array([False, True, True, False]))
    assert (found.only_first, found.only_second) == (2, 1)


def test_mcnemar_is_the_exact_two_sided_sign_test() -> None:
    first, second = np.array([True] * 9 + [False]), np.array([False] * 9 + [True])
    assert mcnemar(first, second).p == pytest.approx(2 * (1 + 10) / 2**10)


def test_mcnemar_of_equal_classifiers_is_1() -> None:
    right = np.array([True, False])
    assert mcnemar(right, right).p == 1.0


def test_mean_interval_is_students() -> None:
    found = mean_interval(np.array([1.0, 2.0, 3.0]))
    assert (found.mean, found.low, found.high) == pytest.approx(
        (2.0, 2 - 4.302652729911275 / 3**0.5, 2 + 4.302652729911275 / 3**0.5)
    )


def test_a_single_value_has_no_interval() -> None:
    assert mean_interval(np.array([0.5])).low is None
