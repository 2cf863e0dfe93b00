"""The answer: which network won, how good it is, against what, at what cost, and how sure that is."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from reports.classifier.intervals import McNemar, mcnemar, wilson
from reports.stored.run import CLOSELY_READ, Run, Trial
from reports.wording import count, distance, gain, listing, metric_name, percent, score
from spaces import transfer  # noqa: F401 - recipes with its networks can be read then
from spaces.errors import RecordError
from spaces.recipe import Recipe

_told_singly = 2
"""Hand-made networks clearly beaten that have a sentence each; more share one, and the table has their numbers."""


@dataclass(frozen=True, kw_only=True)
class TestScore:
    """The winner on images that nothing was chosen by."""

    accuracy: float
    low: float
    high: float
    images: int


@dataclass(frozen=True, kw_only=True)
class BaselineRow:
    """The winner against one hand-made choice."""

    name: str
    trial: int | None
    """None: not tried yet, or without a score."""
    score: float | None
    gain: str | None
    """The winner's score less this one's."""
    distance: str | None
    """The same in words: "3.1 points above"."""
    test: McNemar | None
    """Winner first, on the same validation images."""
    is_winner: bool


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What the search took."""

    wall_seconds: float | None
    """From the first trial's start to the last one's end."""
    training_seconds: float
    epochs: int
    epochs_saved: int
    """Epochs that pruned trials were spared."""
    complete: int
    pruned: int
    failed: int
    running: int


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a person came for."""

    headline: str
    winner: Trial | None
    test: TestScore | None
    validation_interval: tuple[float, float] | None
    """Wilson's, of the winner's accuracy on the validation images."""
    baselines: tuple[BaselineRow, ...]
    baseline_sentences: tuple[str, ...]
    cost: Cost
    ranking: str
    """How sure the order of the best trials is."""


def find_answer(run: Run) -> Answer:
    """Return the answer as far as the run has one."""
    winner, test = run.winner, _test_score(run)
    baselines = tuple(_baseline_row(run, name, winner) for name in run.record.baselines)
    return Answer(
        headline=_headline(run, winner, test),
        winner=winner,
        test=test,
        validation_interval=_validation_interval(run, winner),
        baselines=baselines,
        baseline_sentences=_baseline_sentences(run, baselines),
        cost=_cost(run),
        ranking=_ranking(run, winner),
    )


def describe_network(trial: Trial) -> str:
    """Return a trial's network in words: "20-layer residual network"; "network" where nothing is known of its type."""
    if trial.record and trial.record.network:
        return trial.record.network
    try:
        return Recipe.from_plain(trial.recipe).network.described
    except RecordError:
        return "network"


def _test_score(run: Run) -> TestScore | None:
    measured = run.measurement
    if measured is None or measured.images == 0:
        return None
    low, high = measured.interval_95
    return TestScore(accuracy=measured.accuracy, low=low, high=high, images=measured.images)


def _headline(run: Run, winner: Trial | None, test: TestScore | None) -> str:
    if winner is None:
        return "No trial has finished yet" if _is_under_way(run) else "No trial reached a result"
    network = describe_network(winner)
    article = "An" if network.lower().startswith((*"aeiou8", "18-")) else "A"
    if test is not None:
        return f"{article} {network} reaches {percent(test.accuracy)} on images it never saw"
    reached = f"{score(winner.score, run.record.metric)} {metric_name(run.record.metric)}"
    return f"{article} {network} reaches {reached}" + (" so far" if _is_under_way(run) else "")


def _is_under_way(run: Run) -> bool:
    return any(trial.state in ("RUNNING", "WAITING") for trial in run.trials) or not run.trials


def _validation_interval(run: Run, winner: Trial | None) -> tuple[float, float] | None:
    if winner is None or winner.confusion is None:
        return None
    return wilson(int(winner.confusion.trace()), int(winner.confusion.sum()))


def _baseline_row(run: Run, name: str, winner: Trial | None) -> BaselineRow:
    trial = next((trial for trial in run.trials if trial.baseline == name and trial.score is not None), None)
    is_winner = trial is not None and winner is not None and trial.number == winner.number
    ours = winner.score if winner else None
    theirs = trial.score if trial else None
    return BaselineRow(
        name=name,
        trial=trial.number if trial else None,
        score=theirs,
        gain=gain(ours, theirs, run.record.metric) if ours is not None and theirs is not None else None,
        distance=distance(ours, theirs, run.record.metric) if ours is not None and theirs is not None else None,
        test=_paired(run, winner, trial) if winner and trial and not is_winner else None,
        is_winner=is_winner,
    )


def _baseline_sentences(run: Run, rows: tuple[BaselineRow, ...]) -> tuple[str, ...]:
    """One sentence each, but one for all that are clearly beaten where these are many."""
    beaten = [row for row in rows if row.test is not None and row.test.is_significant and not row.is_winner]
    together = beaten if len(beaten) > _told_singly else []
    found = [sentence for row in rows if row not in together and (sentence := _baseline_sentence(run, row))]
    if together:
        names = listing([row.name for row in together], most=len(together))
        found.insert(
            0,
            f"On the same {count(_validation_images(run), 'validation image')} the winner is right more often than "
            f"each of {names}, by more than chance explains.",
        )
    return tuple(found)


def _baseline_sentence(run: Run, row: BaselineRow) -> str:
    if row.is_winner:
        return f"The hand-made {row.name} is still the best: the search found nothing better."
    if row.test is None:
        return ""
    fewer, more = row.test.only_second, row.test.only_first
    verdict = (
        "more than chance explains"
        if row.test.is_significant
        else "which chance could explain as well: take it as a tie"
    )
    return (
        f"Of the same {count(_validation_images(run), 'validation image')}, {more:,} are right only with the winner "
        f"and {fewer:,} only with {row.name}: {verdict}."
    )


def _validation_images(run: Run) -> int:
    return len(next(iter(run.validation.values())).labels)


def _paired(run: Run, first: Trial, second: Trial) -> McNemar | None:
    one, two = run.validation.get(first.number), run.validation.get(second.number)
    if one is None or two is None or not (len(one.images) == len(two.images) and (one.images == two.images).all()):
        return None
    return mcnemar(one.probabilities.argmax(axis=1) == one.labels, two.probabilities.argmax(axis=1) == two.labels)


def _ranking(run: Run, winner: Trial | None) -> str:
    rivals = [trial for trial in run.ranked[:CLOSELY_READ] if winner and trial.number != winner.number]
    tests = [test for trial in rivals if winner and (test := _paired(run, winner, trial))]
    if winner is None or not tests:
        return ""
    ties = sum(not test.is_significant for test in tests)
    chosen = (
        f"The winner was chosen from {count(len(run.ranked), 'finished trial')} by its {metric_name(run.record.metric)}"
    )
    flattered = "so that score is a little flattering; the score on the test images is not."
    if ties == 0:
        verdict = f"The winner stands out: it beats each of the next {len(tests)} on the same images (McNemar, 5 %)."
        return f"{verdict} {chosen}, {flattered}"
    return (
        f"Of the next {count(len(tests), 'trial')}, {ties} can't be told from the winner on these validation images "
        f"(McNemar, 5 %): their order may be chance. {chosen}, {flattered}"
    )


def _cost(run: Run) -> Cost:
    ended = [trial.record for trial in run.trials if trial.record]
    states = [trial.state for trial in run.trials]
    planned = run.record.epochs
    return Cost(
        wall_seconds=_wall_seconds([(record.started, record.ended) for record in ended]),
        training_seconds=sum(record.seconds_training for record in ended),
        epochs=sum(trial.epochs for trial in run.trials),
        epochs_saved=sum(planned - trial.epochs for trial in run.trials if trial.state == "PRUNED"),
        complete=states.count("COMPLETE"),
        pruned=states.count("PRUNED"),
        failed=states.count("FAIL"),
        running=states.count("RUNNING"),
    )


def _wall_seconds(spans: list[tuple[str, str]]) -> float | None:
    try:
        started = min(datetime.datetime.fromisoformat(start) for start, _ in spans)
        ended = max(datetime.datetime.fromisoformat(end) for _, end in spans)
        return (ended - started).total_seconds()
    except (ValueError, TypeError):
        return None
