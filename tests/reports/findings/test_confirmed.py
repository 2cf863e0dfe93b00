"""The confirmation on the page: candidates, mean, noise, the tied set and its cheapest member."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from reports.findings.confirmed import confirmation_sentences
from reports.findings.findings import find
from reports.findings.paired import ranking_sentence
from reports.pages.page import render
from reports.stored.confirmation import Confirmation, ConfirmedCandidate
from reports.stored.run import Run
from spaces.records import to_plain
from tests.reports.pages.test_page import tables_of

FIRST = ConfirmedCandidate(
    trial=3,
    search_score=0.99,
    scores=(0.96, 0.98),
    mean=0.97,
    interval_95=(0.94, 0.9899),
    parameters=12_051,
    seconds_an_image=4e-5,
)
SECOND = ConfirmedCandidate(
    trial=1,
    search_score=0.98,
    scores=(0.96, 0.96),
    mean=0.96,
    interval_95=(0.93, 0.98),
    parameters=2_017,
    seconds_an_image=2e-5,
)
THIRD = ConfirmedCandidate(trial=7, search_score=0.975, scores=(0.9, 0.9), mean=0.9, interval_95=(0.86, 0.93))


def confirmed(run: Run, *candidates: ConfirmedCandidate, **changes: Any) -> Run:
    """Return the run with its winner, as the first candidate, confirmed on two seeds."""
    assert run.measurement is not None
    found = Confirmation(
        schema=1,
        seeds=(17, 18),
        candidates=candidates or (FIRST, SECOND, THIRD),
        is_complete=True,
        chosen=3,
        mean=0.97,
        interval_95=FIRST.interval_95,
        noise=0.0123,
        tied=(3, 1),
        cheapest=1,
        seconds_training=62.0,
    )
    measurement = dataclasses.replace(run.measurement, trial=3)
    return dataclasses.replace(run, measurement=measurement, confirmation=dataclasses.replace(found, **changes))


def test_the_page_shows_each_candidate_and_what_became_of_it(digits_run: Run) -> None:
    run = confirmed(digits_run)
    text = render(run, is_lite=True)
    table = next(rows for rows in tables_of(text) if rows[0][0] == "candidate")

    assert table[0][2:4] == ["seed 17", "seed 18"]
    assert [row[0] for row in table[1:]] == ["trial 3", "trial 1", "trial 7"]
    assert [cell.replace("\u00a0", " ") for cell in table[1][1:]] == [
        "99.00 %", "96.00 %", "98.00 %", "97.00 %", "94.0 % to 99.0 %", "12,051", "0.04", "chosen",
    ]  # fmt: skip
    assert [row[-1] for row in table[2:]] == ["tied, the cheapest", "worse"]
    assert table[3][-3:-1] == ["–", "–"]
    for sentence in confirmation_sentences(run):
        assert sentence in text


def test_mean_interval_noise_and_the_cheapest_of_the_tied_in_words(digits_run: Run) -> None:
    assert confirmation_sentences(confirmed(digits_run)) == (
        (
            "Trial 3 is chosen: its validation accuracy is 97.00 % in the mean of 2 fresh seeds (95 % interval 94.0 % "
            "to 99.0 %, for other images and other seeds), 2.0 points below its score in the search."
        ),
        "Between seeds of one recipe the score has a standard deviation of 1.23 points.",
        (
            "Trial 1 is tied with it: chance may explain the difference. "
            "The cheapest is trial 1 with 2,017 weights and 0.02 ms an image."
        ),
        "These trainings took 1 min 2 s in all.",
    )


def test_the_answer_is_chosen_by_the_mean_not_by_its_search_score(digits_run: Run) -> None:
    text = " ".join(render(confirmed(digits_run), is_lite=True).replace("\u00a0", " ").split())
    alone = " ".join(render(digits_run, is_lite=True).replace("\u00a0", " ").split())

    assert "<dt>Chosen by</dt> <dd>97.00 %</dd>" in text
    assert "of trial 3, in the mean of 2 fresh seeds; 94.0 % to 99.0 %" in text
    assert "by its mean validation accuracy over 2 fresh seeds" in ranking_sentence(confirmed(digits_run))
    assert "is slightly optimistic" in ranking_sentence(digits_run)
    assert 'id="confirmed"' not in alone
    assert "fresh seed" not in alone


def test_a_confirmation_that_was_cut_short_says_so(digits_run: Run) -> None:
    first, second = (dataclasses.replace(one, scores=(one.scores[0], None)) for one in (FIRST, SECOND))
    cut = confirmation_sentences(confirmed(digits_run, first, second, is_complete=False, noise=None))
    none = dataclasses.replace(FIRST, scores=(None, None), mean=None, interval_95=None)
    begun = confirmed(digits_run, none, chosen=None, mean=None, is_complete=False, tied=(), cheapest=None)

    assert "in the mean of 1 fresh seed " in cut[0]
    assert cut[-1] == "Not each candidate is trained with each seed yet: only the seeds that all have count."
    assert not any("standard deviation" in sentence for sentence in cut)
    assert confirmation_sentences(begun) == ("The confirmation has not chosen a recipe: the next run continues it.",)
    assert "not trained yet" in render(begun, is_lite=True)


def test_an_answer_of_an_earlier_run_is_not_taken_for_the_confirmed_one(digits_run: Run) -> None:
    run = confirmed(digits_run)
    assert run.measurement is not None
    run = dataclasses.replace(run, measurement=dataclasses.replace(run.measurement, trial=1))

    assert confirmation_sentences(run)[-1] == (
        "The model that was handed over before, of trial 1, has not been replaced yet."
    )
    assert "in the mean of 2 fresh seeds; " not in render(run, is_lite=True)


@pytest.mark.parametrize(
    ("tied", "ending"), [((3,), "or has no mean."), ((3, 1, 7), "2,017 weights and 0.02 ms an image.")]
)
def test_who_is_tied(digits_run: Run, tied: tuple[int, ...], ending: str) -> None:
    assert confirmation_sentences(confirmed(digits_run, tied=tied))[2].endswith(ending)


def test_the_json_of_the_report_has_the_confirmation(digits_run: Run) -> None:
    plain = to_plain(find(confirmed(digits_run)).answer)

    assert plain["confirmed"]["cheapest"] == 1
    assert len(plain["confirmed_sentences"]) == 4
