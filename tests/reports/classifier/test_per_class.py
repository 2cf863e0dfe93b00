"""Per-class numbers equal scikit-learn's, and become true sentences."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import classification_report

from objectives.evaluation.metrics import (
    confusion_counts,
)
from reports.classifier.per_class import (
    class_table,
    confusion_sentences,
    most_confused,
)
from reports.stored.run import Run

ANIMALS = ("bird", "cat", "dog", "frog")


def test_every_number_equals_scikit_learns_report(digits_run: Run) -> None:
    assert digits_run.test is not None
    labels, predicted = digits_run.test.labels, digits_run.test.probabilities.argmax(axis=1)
    table = class_table(labels, predicted, digits_run.classes)
    theirs = classification_report(labels, predicted, target_names=digits_run.classes, output_dict=True)
    ours = {
        row.name: {"precision": row.precision, "recall": row.recall, "f1-score": row.f1, "support": row.support}
        for row in table.rows
    }
    assert ours == {name: theirs[name] for name in digits_run.classes}


@pytest.mark.parametrize(("mean", "theirs"), [("macro", "macro avg"), ("weighted", "weighted avg")])
def test_means_equal_scikit_learns(mean: str, theirs: str) -> None:
    labels, predicted = np.array([0, 0, 0, 1, 2, 2]), np.array([0, 1, 0, 1, 2, 0])
    row = getattr(class_table(labels, predicted, ("a", "b", "c")), mean)
    expected = classification_report(labels, predicted, output_dict=True)[theirs]
    assert (row.precision, row.recall, row.f1) == (expected["precision"], expected["recall"], expected["f1-score"])


def test_a_class_without_images_gets_zeros_and_is_left_out_of_the_mean() -> None:
    table = class_table(np.array([1, 2]), np.array([1, 2]), ("absent", "a", "b"))
    row, mean = table.rows[0], table.macro
    assert (row.precision, row.recall, row.f1, row.support) == (0.0, 0.0, 0.0, 0)
    assert (mean.precision, mean.recall, mean.f1) == (1.0, 1.0, 1.0)
    assert (table.absent, table.worst_first[-1]) == (("absent",), row)


def test_the_worst_class_comes_first() -> None:
    table = class_table(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0]), ("good", "bad"))
    assert [row.name for row in table.worst_first] == ["bad", "good"]


def test_confusion_counts_have_the_truth_by_row() -> None:
    counts = confusion_counts(np.array([0, 0, 1]), np.array([1, 0, 1]), 3)
    assert counts.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]


def test_most_confused_pairs_are_ordered_and_end_where_errors_end() -> None:
    pairs = most_confused(np.array([[5, 2, 0], [0, 9, 1], [0, 0, 4]]), ("a", "b", "c"), most=5)
    assert [(pair.true, pair.predicted, pair.images, pair.of) for pair in pairs] == [
        ("a", "b", 2, 7),
        ("b", "c", 1, 10),
    ]


def test_a_class_taken_for_another_is_named_with_both_classes() -> None:
    counts = np.diag([1000, 812, 1000, 1000])
    counts[1] = [15, 812, 112, 61]
    assert confusion_sentences(counts, ANIMALS, most=1)[0] == (
        "cat is mistaken for dog in 112 of 1,000 images, and for frog in 61."
    )


def test_errors_spread_evenly_are_for_no_class_in_particular() -> None:
    counts = np.diag([91, 100, 100, 100])
    counts[0] = [91, 3, 3, 3]
    assert confusion_sentences(counts, ANIMALS, most=1)[0] == (
        "bird is mistaken for no class in particular: 9 errors in 100 images."
    )


def test_classes_without_errors_are_listed() -> None:
    counts = np.diag([10, 10, 10, 5])
    counts[3, 0] = 5
    assert confusion_sentences(counts, ANIMALS, most=5)[-1] == "bird, cat and dog are never mistaken for another class."


def test_of_two_classes_the_other_one_is_named() -> None:
    assert (
        confusion_sentences(np.array([[7, 3], [0, 10]]), ("no", "yes"), most=5)[0]
        == "no is mistaken for yes in 3 of 10 images."
    )
