"""What further trials would likely gain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from reports.stored.expected_gain import FEWEST, ExpectedGain, expected_gain, gain_sentence


@dataclass(frozen=True, kw_only=True)
class Trial:
    """As much of a trial as the estimate reads."""

    score: float | None
    state: str = "COMPLETE"
    baseline: str | None = None
    start: str | None = None


def drawn(*scores: float) -> list[Trial]:
    """Return complete trials of the sampler."""
    return [Trial(score=score) for score in scores]


def gain_of(trials: list[Trial], metric: str = "val_accuracy") -> ExpectedGain:
    """Return the estimate, which must be there."""
    found = expected_gain(trials, metric)
    assert found is not None
    return found


SCORES = [float(score) for score in np.linspace(0.5, 0.9, 20)]


@pytest.mark.parametrize("before", [12, 30, 100])
def test_draws_of_one_distribution_gain_about_what_is_expected(before: int) -> None:
    draw = np.random.default_rng(before)
    predicted, limits, gained = [], [], []
    for _ in range(200):
        scores = 1.0 / (1.0 + np.exp(-draw.normal(1.0, 1.5, size=before + 20)))
        found = gain_of(drawn(*map(float, scores[:before])))
        predicted.append(found.mean)
        limits.append(found.most)
        gained.append(max(0.0, scores[before:].max() - scores[:before].max()))

    assert 0.5 < np.mean(predicted) / np.mean(gained) < 2.0
    assert np.mean(np.array(gained) > np.array(limits)) < 0.12


def test_a_start_that_the_sampler_did_not_reach_leaves_less_to_gain() -> None:
    without = gain_of(drawn(*SCORES))
    bar = gain_of([*drawn(*SCORES), Trial(score=0.97, start="good")])

    assert bar.mean < without.mean / 4
    assert gain_of([*drawn(*SCORES), Trial(score=0.3, baseline="poor")]) == without


def test_too_few_trials_of_the_sampler_tell_nothing() -> None:
    starts = [Trial(score=0.9, start=str(number)) for number in range(20)]

    assert expected_gain([*starts, *drawn(*SCORES[: FEWEST - 1])], "val_accuracy") is None
    assert expected_gain([*starts, *drawn(*SCORES[:FEWEST])], "val_accuracy") is not None
    assert expected_gain(drawn(*SCORES), "a metric of another version") is None


def test_failed_and_running_trials_do_not_count_and_those_without_a_score_are_poor() -> None:
    known = gain_of(drawn(*SCORES))

    assert (
        gain_of([*drawn(*SCORES), *[Trial(score=0.99, state="RUNNING"), Trial(score=None, state="FAIL")] * 9]) == known
    )
    assert expected_gain([*drawn(*SCORES[:8]), *[Trial(score=None, state="PRUNED")] * 2], "val_accuracy") is not None
    assert expected_gain([*drawn(*SCORES[:3]), *[Trial(score=None, state="PRUNED")] * 9], "val_accuracy") is None


def test_a_pruned_trial_is_drawn_but_does_not_set_the_bar() -> None:
    pruned = [*drawn(*SCORES[:-1]), Trial(score=SCORES[-1], state="PRUNED")]

    assert gain_of(pruned).mean > gain_of(drawn(*SCORES)).mean


def test_losses_gain_downwards() -> None:
    losses = [1.0 - score for score in SCORES]
    found = gain_of(drawn(*losses), "val_loss")

    assert 0.0 < found.mean < found.most < min(losses)


def test_nothing_is_gained_over_a_perfect_score() -> None:
    assert gain_of(drawn(*SCORES, 1.0)).most == pytest.approx(0.0, abs=0.001)
    assert gain_of(drawn(*[0.9] * 20)) == ExpectedGain(trials=20, mean=0.0, most=0.0)


def test_the_gain_in_words() -> None:
    assert gain_sentence(ExpectedGain(trials=20, mean=0.002, most=0.0061), "macro_f1") == (
        "another 20 trials would likely gain less than 0.6 points"
    )
    assert gain_sentence(ExpectedGain(trials=20, mean=0.002, most=0.0061), "val_loss").endswith("less than 0.0061")
    assert gain_sentence(ExpectedGain(trials=20, mean=0.0, most=0.0001), "val_accuracy").endswith("gain nothing")
