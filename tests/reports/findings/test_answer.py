"""The answer: headline, baselines, cost, and how sure it is."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import accuracy_score

from reports.findings.answer import Answer, describe_network
from reports.findings.findings import find
from reports.stored.read import read_run
from reports.stored.run import Run
from spaces.recipe import MLP, Fit, Recipe
from tests.reports.run_folders import BASELINE, write_run

MLP_RECIPE = Recipe(network=MLP(units=(8, 8)), fit=Fit(learning_rate=0.1))


def answer_of(run: Run) -> Answer:
    return find(run).answer


def test_the_headline_gives_the_test_accuracy(digits_run: Run) -> None:
    assert digits_run.test is not None
    accuracy = accuracy_score(digits_run.test.labels, digits_run.test.probabilities.argmax(axis=1))
    assert re.fullmatch(
        rf"A convolutional network with \d+ convolutions reaches {100 * accuracy:.1f} % on images it never saw",
        answer_of(digits_run).headline,
    )


def test_without_a_measurement_the_headline_names_the_validation_score(digits_run: Run) -> None:
    unmeasured = dataclasses.replace(digits_run, measurement=None, test=None)
    best = max(trial.score for trial in digits_run.ranked if trial.score is not None)
    assert answer_of(unmeasured).headline.endswith(f"reaches {100 * best:.2f} % validation accuracy")


def test_the_winner_is_compared_with_each_baseline_on_the_same_images(digits_run: Run) -> None:
    winner = next(trial for trial in digits_run.ranked if not trial.baseline)
    assert digits_run.measurement is not None
    measured = dataclasses.replace(digits_run.measurement, trial=winner.number)
    (row,) = answer_of(dataclasses.replace(digits_run, measurement=measured)).baselines
    ours, theirs = digits_run.validation[winner.number], digits_run.validation[0]
    right = [one.probabilities.argmax(axis=1) == one.labels for one in (ours, theirs)]
    assert (row.name, row.trial) == (BASELINE, 0)
    assert row.only_winner_right is not None
    assert row.only_baseline_right is not None
    assert row.only_winner_right - row.only_baseline_right == int(right[0].sum()) - int(right[1].sum())


def test_a_baseline_that_wins_is_said_to(digits_run: Run) -> None:
    only = dataclasses.replace(digits_run, trials=digits_run.trials[:1], measurement=None, test=None)
    assert answer_of(only).baseline_sentences == (
        f"The hand-made baseline {BASELINE} is still the best: the search found nothing better.",
    )


def test_many_beaten_baselines_share_a_sentence(digits_run: Run) -> None:
    winner = digits_run.ranked[0]
    assert winner.record is not None
    validated = digits_run.validation[winner.number]
    wrong = dataclasses.replace(validated, probabilities=1.0 - validated.probabilities)
    beaten = tuple(
        dataclasses.replace(winner, number=100 + place, record=dataclasses.replace(winner.record, baseline=name))
        for place, name in enumerate("abc")
    )
    run = dataclasses.replace(
        digits_run,
        trials=(winner, *beaten),
        record=dataclasses.replace(digits_run.record, baselines={name: {} for name in "abc"}),
        validation={winner.number: validated, 100: wrong, 101: wrong, 102: wrong},
        measurement=None,
        test=None,
    )
    (sentence,) = answer_of(run).baseline_sentences
    assert sentence == (
        f"On the same {len(validated.labels)} validation images the winner is right more often than "
        "each of a, b and c, by more than chance explains."
    )


def test_epochs_that_pruning_saved_are_counted(digits_run: Run) -> None:
    cost = answer_of(digits_run).cost
    assert (cost.epochs, cost.epochs_saved, cost.pruned) == (8 * 6 + 3 * 2, 3 * 4, 3)


@pytest.mark.parametrize(("running", "headline"), [(0, "No trial has finished yet"), (2, "No trial has finished yet")])
def test_a_study_without_a_finished_trial_says_so(tmp_path: Path, running: int, headline: str) -> None:
    run = read_run(write_run(tmp_path / "run", trials=0, running=running))
    assert answer_of(run).headline == headline


@pytest.mark.parametrize(
    ("stored", "recipe", "words"),
    [
        ("network of theirs", {"network": {"type": "TheirOwn"}}, "network of theirs"),
        (None, {"network": {"type": "TheirOwn"}}, "network"),
        (None, None, "network"),
        (None, MLP_RECIPE.to_plain(), "fully connected network with 2 hidden layers"),
    ],
    ids=["stored", "unknown type", "no recipe", "before it was stored"],
)
def test_a_network_is_described_as_stored_or_by_its_recipe(
    digits_run: Run, stored: str | None, recipe: dict[str, Any] | None, words: str
) -> None:
    (trial, *_) = digits_run.ranked
    assert trial.record is not None
    record = dataclasses.replace(trial.record, network=stored)

    assert describe_network(dataclasses.replace(trial, record=record, recipe=recipe)) == words
