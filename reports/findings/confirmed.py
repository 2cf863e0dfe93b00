"""The confirmation in words: what training the best recipes again on fresh seeds showed."""

from __future__ import annotations

from objectives.evaluation.metrics import METRICS
from reports.stored.confirmation import Confirmation, ConfirmedCandidate
from reports.stored.run import Run
from reports.wording import count, distance, duration, interval, listing, metric_name, score


def decisive(run: Run) -> ConfirmedCandidate | None:
    """Return the winner's trainings on fresh seeds; None: they did not choose it."""
    found = run.confirmation.confirmed if run.confirmation else None
    return found if found is not None and run.winner is not None and found.trial == run.winner.number else None


def seeds_in_words(candidate: ConfirmedCandidate) -> str:
    """Return "2 fresh seeds": those that the candidate was trained with."""
    return count(sum(score is not None for score in candidate.scores), "fresh seed")


def verdict(one: ConfirmedCandidate, confirmation: Confirmation) -> str:
    """Return what became of a candidate: "tied, the cheapest"."""
    if one.mean is None:
        return "failed" if confirmation.is_complete or set(one.scores) != {None} else "not trained yet"
    words = "chosen" if one.trial == confirmation.chosen else "tied" if one.trial in confirmation.tied else "worse"
    is_cheapest = one.trial == confirmation.cheapest and len(confirmation.tied) > 1
    return f"{words}, the cheapest" if is_cheapest else words


def confirmation_sentences(run: Run) -> tuple[str, ...]:
    """Return what the confirmation showed; empty where there is none."""
    found = run.confirmation
    if found is None:
        return ()
    chosen = found.confirmed
    if chosen is None or chosen.mean is None or chosen.interval_95 is None:
        why = "no candidate has a score for each seed" if found.is_complete else "the next run continues it"
        return (f"The confirmation has not chosen a recipe: {why}.",)
    sentences = [_chosen(chosen, run)]
    if found.noise is not None:
        sentences.append(
            f"Between seeds of one recipe the score has a standard deviation of {_size(found.noise, run)}."
        )
    if len(found.candidates) > 1:
        sentences.append(_tied(found))
    sentences.append(f"These trainings took {duration(found.seconds_training)} in all.")
    if not found.is_complete:
        sentences.append("Not each candidate is trained with each seed yet: only the seeds that all have count.")
    if run.winner is not None and run.winner.number != chosen.trial:
        sentences.append(
            f"The model that was handed over before, of trial {run.winner.number}, has not been replaced yet."
        )
    return tuple(sentences)


def _chosen(chosen: ConfirmedCandidate, run: Run) -> str:
    metric = run.record.metric
    assert chosen.mean is not None
    assert chosen.interval_95 is not None
    return (
        f"Trial {chosen.trial} is chosen: its {metric_name(metric)} is {score(chosen.mean, metric)} in the mean of "
        f"{seeds_in_words(chosen)} (95 % interval {interval(chosen.interval_95, metric)}, for other images and other "
        f"seeds), {distance(chosen.mean, chosen.search_score, metric)} its score in the search."
    )


def _tied(found: Confirmation) -> str:
    others = found.tied[1:]
    if not others:
        return "Each other candidate is worse, by more than chance explains, or has no mean."
    names = listing([f"trial {number}" for number in others], most=len(others))
    verb = "is" if len(others) == 1 else "are"
    tied = f"{names[0].upper()}{names[1:]} {verb} tied with it: chance may explain the difference."
    cheapest = next((one for one in found.candidates if one.trial == found.cheapest), None)
    if cheapest is None:
        return tied
    costs = [
        *([] if cheapest.parameters is None else [f"{cheapest.parameters:,} weights"]),
        *([] if cheapest.seconds_an_image is None else [f"{1000 * cheapest.seconds_an_image:.2g} ms an image"]),
    ]
    return f"{tied} The cheapest is trial {cheapest.trial}{f' with {listing(costs, most=2)}' if costs else ''}."


def _size(difference: float, run: Run) -> str:
    return f"{100 * difference:.2f} points" if METRICS[run.record.metric].is_fraction else f"{difference:.4f}"
