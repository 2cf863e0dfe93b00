"""What may be handed over after a search, computed from stored predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.searches.table import Row
from benchmarks.winners.plan import CANDIDATES, KEPT, REFITS, Job, Plan, baseline_of, distinct, start_of
from benchmarks.winners.store import Trained, accuracy, load
from objectives.evaluation.selection import selected
from reports.stored.ensemble import ENSEMBLE_SIZE


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Something handed over."""

    score: float | None
    """Accuracy on the validation images, as it would be reported; None: there is none."""
    test: float


@dataclass(frozen=True, kw_only=True)
class Confirmed:
    """The candidate with the best mean over fresh seeds."""

    trial: Row
    score: float
    """That mean, on the validation images."""
    test: float
    """Mean over the same trainings."""


def confirmed(plan: Plan, trials: Sequence[Row]) -> Confirmed | None:
    """Return the confirmed winner; None while a training is missing."""
    found: list[Confirmed] = []
    for trial in distinct(trials)[:CANDIDATES]:
        fresh = _loaded(plan, plan.fresh(trial))
        if fresh is None:
            return None
        score, test = np.mean([(one.score, one.test_accuracy) for one in fresh], axis=0)
        found.append(Confirmed(trial=trial, score=float(score), test=float(test)))
    return max(found, key=lambda one: one.score)  # the first of equal ones, which has the better search score


def luck(plan: Plan, trials: Sequence[Row]) -> float | None:
    """Return how much the winner's score is above the mean of fresh seeds of its recipe, on the same images."""
    winner = distinct(trials)[0]
    fresh = _loaded(plan, plan.fresh(winner))
    return None if fresh is None else winner.score - float(np.mean([one.score for one in fresh]))


def answers(plan: Plan, trials: Sequence[Row]) -> dict[str, Answer]:
    """Return what can be computed of a search, by title."""
    best = distinct(trials)
    winner, start, baseline = best[0], start_of(trials), baseline_of(trials)
    sure = confirmed(plan, trials)
    kept = _loaded(plan, [plan.again(trial) for trial in best[:KEPT]])
    found = {
        "the search's winner": _one(plan, plan.again(winner)),
        "its last weights averaged (use_ema)": _one(plan, plan.again(winner), _averaged),
        "it on each test image and its mirror image": _one(plan, plan.again(winner), _with_flips),
        "the confirmed winner, in mean over two seeds": sure and Answer(score=sure.score, test=sure.test),
        "the winner refitted, same epochs": _one(plan, plan.refit(winner)),
        "the winner refitted, same steps": _one(plan, plan.same_steps(winner)),
        "the winner refitted, 1.5 times the epochs": _one(plan, plan.refit(winner, times=1.5)),
        "the refit's weights averaged (use_ema)": _one(plan, plan.refit(winner), _averaged),
        "the refit on each test image and its mirror image": _one(plan, plan.refit(winner), _with_flips),
        "two refits averaged": _refits(plan, winner, 2),
        "three refits averaged": _refits(plan, winner, 3),
        "the confirmed winner refitted": sure and _one(plan, plan.refit(sure.trial)),
        f"the {KEPT} best recipes averaged": kept and _together(kept, range(len(kept))),
        f"greedy selection among the {KEPT} best": kept and _together(kept, _chosen(kept)),
        "the start refitted, without a search": start and _one(plan, plan.refit(start)),
        "the best hand-made network refitted": baseline and _one(plan, plan.refit(baseline)),
    }
    return {title: answer for title, answer in found.items() if answer is not None}


def _loaded(plan: Plan, jobs: Sequence[Job]) -> list[Trained] | None:
    found = [load(plan.place / job.file) for job in jobs]
    there = [one for one in found if one is not None]
    return there if there and len(there) == len(found) else None


def _one(plan: Plan, job: Job, changed: Callable[[Trained], Answer | None] | None = None) -> Answer | None:
    trained = load(plan.place / job.file)
    if trained is None:
        return None
    answer = _plain(trained) if changed is None else changed(trained)
    return answer if answer is None or job.part == "train" else Answer(score=None, test=answer.test)


def _plain(trained: Trained) -> Answer:
    return Answer(score=trained.score, test=trained.test_accuracy)


def _averaged(trained: Trained) -> Answer:
    return Answer(
        score=accuracy(trained.validation_averaged, trained.validation_labels),
        test=accuracy(trained.test_averaged, trained.test_labels),
    )


def _with_flips(trained: Trained) -> Answer | None:
    if not len(trained.test_flipped):
        return None
    return Answer(score=None, test=accuracy(trained.test + trained.test_flipped, trained.test_labels))


def _refits(plan: Plan, winner: Row, count: int) -> Answer | None:
    refits = _loaded(plan, [plan.refit(winner, number=number) for number in REFITS[:count]])
    return refits and Answer(score=None, test=_together(refits, range(count)).test)


def _chosen(models: Sequence[Trained]) -> list[int]:
    return selected([model.validation for model in models], models[0].validation_labels, most=ENSEMBLE_SIZE)


def _together(models: Sequence[Trained], chosen: Sequence[int]) -> Answer:
    """Return the mean of the probabilities of some models."""
    first = models[0]
    return Answer(
        score=accuracy(sum(models[n].validation for n in chosen), first.validation_labels),
        test=accuracy(sum(models[n].test for n in chosen), first.test_labels),
    )
