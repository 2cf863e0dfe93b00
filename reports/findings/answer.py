"""The answer: which network won, how good it is, against what, at what cost, and how sure that is."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from objectives.evaluation.metrics import Direction
from reports.classifier.classification import Classification
from reports.classifier.intervals import SIGNIFICANT, McNemar, mcnemar, wilson
from reports.classifier.per_class import ClassRow
from reports.findings.importances import Importances
from reports.stored.outcome import BestTrial, TestScore, baseline_trials
from reports.stored.run import CLOSELY_READ, Gap, Run, Trial
from reports.wording import count, listing, metric_name, percent, score
from spaces import transfer  # noqa: F401 - recipes with its networks can be read then
from spaces.errors import RecordError
from spaces.recipe import Recipe

_told_singly = 2
"""Hand-made networks clearly beaten that have a sentence each; more share one, and the table has their numbers."""
schema = 1


@dataclass(frozen=True, kw_only=True)
class Winner(BestTrial):
    """The winner, with how sure its score is."""

    interval_95: tuple[float, float] | None
    """Wilson's, of its accuracy on the validation images."""


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
    """Of McNemar's exact test."""


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
class PerClass:
    """The winner class by class."""

    images: str
    """"test" or "validation"."""
    accuracy: float
    classes: tuple[ClassRow, ...]
    """In the order of the labels."""
    sentences: tuple[str, ...]
    calibration_error: float


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the page says first, and what `report --json` prints. Keys may be added, never renamed."""

    schema: int = schema
    study: str
    space: str
    headline: str
    metric: str
    direction: Direction
    best: Winner | None
    test: TestScore | None
    """None: the test images have not been used."""
    baselines: tuple[Baseline, ...]
    baseline_sentences: tuple[str, ...]
    cost: Cost
    ranking: str
    """How sure the order of the best trials is."""
    per_class: PerClass | None
    importances: Mapping[str, float]
    """Parameter to share, largest first; empty where not known."""
    missing: tuple[Gap, ...]
    """What the run folder lacks, or holds damaged."""
    run_dir: str
    report: str | None = None
    """Path of the page, once it is written."""


def find_answer(run: Run, found: Classification | None, importances: Importances) -> Answer:
    """Return the answer as far as the run has one.

    Args:
        run: what was read.
        found: the winner's predictions, class by class.
        importances: of the parameters.
    """
    winner, test = run.winner, _test_score(run)
    baselines = tuple(
        _baseline(run, name, trial) for name, trial in baseline_trials(run.record.baselines, run.trials).items()
    )
    return Answer(
        study=run.record.study,
        space=run.record.space,
        headline=_headline(run, winner, test),
        metric=run.record.metric,
        direction=run.direction,
        best=_best(winner) if winner else None,
        test=test,
        baselines=baselines,
        baseline_sentences=_baseline_sentences(run, baselines),
        cost=_cost(run),
        ranking=_ranking(run, winner),
        per_class=_per_class(found) if found else None,
        importances=importances.shares,
        missing=run.gaps,
        run_dir=str(run.folder),
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
    return TestScore(accuracy=measured.accuracy, interval_95=measured.interval_95, images=measured.images)


def _best(winner: Trial) -> Winner:
    counts = winner.confusion
    return Winner(
        trial=winner.number,
        value=float("nan") if winner.score is None else winner.score,  # None where its result is damaged
        params=winner.params,
        recipe=winner.recipe,
        parameters=winner.record.parameters if winner.record else None,
        epochs=winner.epochs,
        interval_95=None if counts is None else wilson(int(counts.trace()), int(counts.sum())),
    )


def _per_class(found: Classification) -> PerClass:
    return PerClass(
        images=found.images,
        accuracy=found.table.accuracy,
        classes=found.table.rows,
        sentences=found.sentences,
        calibration_error=found.calibration.error,
    )


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


def _baseline_sentences(run: Run, baselines: tuple[Baseline, ...]) -> tuple[str, ...]:
    """One sentence each, but one for all that are clearly beaten where these are many."""
    beaten = [one for one in baselines if one.p is not None and one.p < SIGNIFICANT]
    together = beaten if len(beaten) > _told_singly else []
    found = [sentence for one in baselines if one not in together and (sentence := _baseline_sentence(run, one))]
    if together:
        names = listing([one.name for one in together], most=len(together))
        found.insert(
            0,
            f"On the same {count(_validation_images(run), 'validation image')} the winner is right more often than "
            f"each of {names}, by more than chance explains.",
        )
    return tuple(found)


def _baseline_sentence(run: Run, one: Baseline) -> str:
    if run.winner and one.trial == run.winner.number:
        return f"The hand-made {one.name} is still the best: the search found nothing better."
    if one.p is None:
        return ""
    verdict = (
        "more than chance explains" if one.p < SIGNIFICANT else "which chance could explain as well: take it as a tie"
    )
    return (
        f"Of the same {count(_validation_images(run), 'validation image')}, {one.only_winner_right:,} are right only "
        f"with the winner and {one.only_baseline_right:,} only with {one.name}: {verdict}."
    )


def _validation_images(run: Run) -> int:
    return len(next(iter(run.validation.values())).labels)


def _paired(run: Run, first: Trial | None, second: Trial | None) -> McNemar | None:
    if first is None or second is None or first.number == second.number:
        return None
    one, two = run.validation.get(first.number), run.validation.get(second.number)
    if one is None or two is None or not (len(one.images) == len(two.images) and (one.images == two.images).all()):
        return None
    return mcnemar(one.probabilities.argmax(axis=1) == one.labels, two.probabilities.argmax(axis=1) == two.labels)


def _ranking(run: Run, winner: Trial | None) -> str:
    tests = [test for trial in run.ranked[:CLOSELY_READ] if (test := _paired(run, winner, trial))]
    if not tests:
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
