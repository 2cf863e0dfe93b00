"""The winner against hand-made baselines and the next best trials, on the same validation images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from objectives.evaluation.metrics import METRICS
from reports.classifier.intervals import SIGNIFICANT, PairedTest, paired_test, paired_test_name
from reports.findings.confirmed import decisive, seeds_in_words
from reports.stored.outcome import baseline_trials
from reports.stored.run import CLOSELY_READ, Run, Trial
from reports.wording import count, distance, listing, metric_name

_most_sentences = 2
"""Clearly beaten baselines that have a sentence each; more share one, and the table has their numbers."""


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """A hand-made choice against the winner, on the same validation images."""

    name: str
    trial: int | None
    """None: not tried yet, or without a score."""
    value: float | None
    """Its score."""
    only_winner_right: int | None
    """Images that only the winner has right; None where the two can't be paired."""
    only_baseline_right: int | None
    p: float | None
    """Of McNemar's exact test of the accuracy; of another metric, a paired bootstrap's."""


def find_baselines(run: Run) -> tuple[Baseline, ...]:
    """Return each hand-made choice of the space beside the winner."""
    trials = baseline_trials(run.record.baselines, run.trials)
    return tuple(_baseline(run, name, trial) for name, trial in trials.items())


def _baseline(run: Run, name: str, trial: Trial | None) -> Baseline:
    test = _paired(run, run.winner, trial)
    return Baseline(
        name=name,
        trial=trial.number if trial else None,
        value=trial.score if trial else None,
        only_winner_right=test.only_first if test else None,
        only_baseline_right=test.only_second if test else None,
        p=test.p if test else None,
    )


def baseline_sentences(run: Run, baselines: tuple[Baseline, ...]) -> tuple[str, ...]:
    """Return a sentence for each baseline, but one for all that are clearly beaten where these are many."""
    beaten = [one for one in baselines if one.p is not None and one.p < SIGNIFICANT]
    together = beaten if len(beaten) > _most_sentences else []
    found = [sentence for one in baselines if one not in together and (sentence := _baseline_sentence(run, one))]
    if together:
        names = listing([one.name for one in together], most=len(together))
        found.insert(
            0,
            f"On the same {count(_validation_images(run), 'validation image')} the winner "
            f"{_is_better(run)} each of {names}, by more than chance explains.",
        )
    return tuple(found)


def _baseline_sentence(run: Run, one: Baseline) -> str:
    if run.winner and one.trial == run.winner.number:
        return f"The hand-made baseline {one.name} is still the best: the search found nothing better."
    if one.p is None or one.value is None or run.winner is None or run.winner.score is None:
        return ""
    verdict = (
        "more than chance explains" if one.p < SIGNIFICANT else "which chance could also explain: treat it as a tie"
    )
    if not _is_accuracy(run):
        ahead = distance(run.winner.score, one.value, run.record.metric)
        return (
            f"On the same {count(_validation_images(run), 'validation image')} the winner is {ahead} {one.name} "
            f"in {metric_name(run.record.metric)}: {verdict}."
        )
    return (
        f"Of the same {count(_validation_images(run), 'validation image')}, {one.only_winner_right:,} are right only "
        f"with the winner and {one.only_baseline_right:,} only with {one.name}: {verdict}."
    )


def _is_accuracy(run: Run) -> bool:
    return run.record.metric == "val_accuracy"


def _is_better(run: Run) -> str:
    return "is right more often than" if _is_accuracy(run) else f"has a better {metric_name(run.record.metric)} than"


def find_floor(run: Run) -> float | None:
    """Return the score on the validation images of always answering the most frequent class.

    Its probabilities are the shares of the classes. None where the winner's predictions are missing.
    """
    validated = run.validation.get(run.winner.number) if run.winner else None
    if validated is None:
        return None
    shares = np.array(run.record.data.class_counts, dtype=np.float64)
    always = np.tile(shares / shares.sum(), (len(validated.labels), 1))
    return METRICS[run.record.metric].measure(always, validated.labels)


def _validation_images(run: Run) -> int:
    return len(next(iter(run.validation.values())).labels)


def _paired(run: Run, first: Trial | None, second: Trial | None) -> PairedTest | None:
    if first is None or second is None or first.number == second.number:
        return None
    one, two = run.validation.get(first.number), run.validation.get(second.number)
    if one is None or two is None or not (len(one.images) == len(two.images) and (one.images == two.images).all()):
        return None
    return paired_test(run.record.metric, one, two)


def ranking_sentence(run: Run) -> str:
    """Return how sure the order of the best trials is; empty where the winner can't be compared with any."""
    tests = [test for trial in run.ranked[:CLOSELY_READ] if (test := _paired(run, run.winner, trial))]
    if not tests:
        return ""
    ties = sum(test.p >= SIGNIFICANT for test in tests)
    name = "McNemar" if _is_accuracy(run) else paired_test_name(run.record.metric)
    chosen, flattered = _how_chosen(run)
    if ties == 0:
        rivals = "the next trial" if len(tests) == 1 else f"each of the next {len(tests)} trials"
        verdict = f"The winner stands out: it beats {rivals} on the same images ({name}, 5 %)."
        return f"{verdict} {chosen}, {flattered}"
    return (
        f"Of the next {count(len(tests), 'trial')}, {ties} cannot be distinguished from the winner on these validation "
        f"images ({name}, 5 %): their order may be chance. {chosen}, {flattered}"
    )


def _how_chosen(run: Run) -> tuple[str, str]:
    metric, finished = metric_name(run.record.metric), count(len(run.ranked), "finished trial")
    if (confirmed := decisive(run)) is not None:
        seeds = seeds_in_words(confirmed)
        return (
            f"The winner was chosen among the best of {finished} by its mean {metric} over {seeds}",
            "as shown below.",
        )
    return (
        f"The winner was chosen from {finished} by its {metric}",
        "so that score is slightly optimistic; the score on the test images is not.",
    )
