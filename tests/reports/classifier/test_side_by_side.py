"""Two trials side by side: which classes moved."""

from __future__ import annotations

import dataclasses

import numpy as np
from sklearn.metrics import recall_score

from reports.classifier.side_by_side import Recalls, class_moves, default_pair, find_recalls, moves_sentence
from reports.pages.page import render
from reports.stored.run import Run
from tests.reports.pages.test_page import Page
from tests.reports.run_folders import BASELINE

RECALLS = Recalls(support=(10, 20, 5, 0), hits={3: (9, 10, 5, 0), 7: (10, 4, 5, 0)})
NAMES = ("cat", "dog", "frog", "ship")


def test_the_largest_loss_comes_first_and_classes_without_images_are_left_out() -> None:
    moves = class_moves(RECALLS, NAMES, first=3, second=7)
    assert [(move.name, round(move.gain, 3)) for move in moves] == [("dog", -0.3), ("frog", 0.0), ("cat", 0.1)]


def test_the_sentence_counts_better_worse_and_same_classes() -> None:
    moves = class_moves(RECALLS, NAMES, first=3, second=7)
    assert moves_sentence(moves, first=3, second=7) == (
        "Trial 7 finds more images than trial 3 in 1 of 3 classes and fewer in 1; in 1 both find as many."
    )


def test_recalls_equal_scikit_learns(digits_run: Run) -> None:
    recalls = find_recalls(digits_run)
    assert recalls is not None
    predictions = digits_run.validation[0]
    expected = recall_score(predictions.labels, predictions.probabilities.argmax(axis=1), average=None)
    np.testing.assert_allclose(np.array(recalls.hits[0]) / np.array(recalls.support), expected)


def test_stopped_trials_can_be_compared_and_failed_ones_not(digits_run: Run) -> None:
    recalls = find_recalls(digits_run)
    assert recalls is not None
    assert set(recalls.hits) == {trial.number for trial in digits_run.trials if trial.state != "FAIL"}


def test_the_winner_is_first_held_against_the_baseline(digits_run: Run) -> None:
    recalls, winner = find_recalls(digits_run), next(trial for trial in digits_run.ranked if not trial.baseline)
    assert recalls is not None
    assert digits_run.measurement is not None
    measured = dataclasses.replace(digits_run.measurement, trial=winner.number)
    run = dataclasses.replace(digits_run, measurement=measured)
    (baseline,) = [trial.number for trial in run.trials if trial.baseline == BASELINE]
    assert default_pair(run, recalls) == (baseline, winner.number)


def test_a_study_of_one_trial_has_no_pair(digits_run: Run) -> None:
    only = dataclasses.replace(digits_run, trials=digits_run.trials[:1], measurement=None)
    recalls = find_recalls(only)
    assert recalls is not None
    assert default_pair(only, recalls) is None


def test_a_page_without_script_has_the_pair_and_the_best_trials_class_by_class(digits_run: Run) -> None:
    page = Page(render(digits_run, is_lite=True))
    recalls = find_recalls(digits_run)
    assert recalls is not None
    pair = default_pair(digits_run, recalls)
    assert pair is not None
    moves = class_moves(recalls, digits_run.classes, first=pair[0], second=pair[1])
    rows = [row[:3] for row in page.tables["moves"][1:]]
    assert rows == [[m.name, f"{m.first / m.support:.3f}", f"{m.second / m.support:.3f}"] for m in moves]
    assert [row[0] for row in page.tables["best-recalls"][1:]] == list(digits_run.classes)
