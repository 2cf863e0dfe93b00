"""The answer: which network won, how good it is, against what, at what cost, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from objectives.evaluation.metrics import METRICS, Direction
from reports.classifier.classification import Classification
from reports.classifier.intervals import metric_score, wilson
from reports.classifier.per_class import ClassRow
from reports.findings.confirmed import confirmation_sentences
from reports.findings.cost import Cost, find_cost
from reports.findings.importances import Importances
from reports.findings.paired import Baseline, baseline_sentences, find_baselines, find_floor, ranking_sentence
from reports.stored.confirmation import Confirmation
from reports.stored.expected_gain import expected_gain, gain_sentence
from reports.stored.for_the_record import ForTheRecord
from reports.stored.outcome import NO_MORE, BestTrial, TestScore, measured_score
from reports.stored.run import Gap, Run, Trial
from reports.wording import count, listing, metric_name, name_on_test, percent, score
from spaces import transfer  # noqa: F401 - recipes with its networks can be read then
from spaces.errors import RecordError
from spaces.recipe import Recipe

schema = 1


@dataclass(frozen=True, kw_only=True)
class Winner(BestTrial):
    """The winner, with how sure its score is."""

    interval_95: tuple[float, float] | None
    """Wilson's, of its accuracy on the validation images."""


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
    confirmed: Confirmation | None
    """How the winner was chosen among the best recipes; None: by its search score alone."""
    confirmed_sentences: tuple[str, ...]
    for_the_record: ForTheRecord | None
    """Other models on the test images, after everything was chosen; None: not measured."""
    floor: float | None
    """Validation score of always answering the most frequent class; None where it can't be told."""
    absent: str
    """Which classes a metric by class leaves out, as a sentence; empty where none."""
    cost: Cost
    ranking: str
    """How sure the order of the best trials is."""
    expected_gain: str
    """What further trials would likely gain, as a sentence; empty where too few have ended to tell."""
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
    winner, test = run.winner, test_score(run)
    baselines = find_baselines(run)
    return Answer(
        study=run.record.study,
        space=run.record.space,
        headline=_headline(run, winner, test),
        metric=run.record.metric,
        direction=run.direction,
        best=_best(winner) if winner else None,
        test=test,
        baselines=baselines,
        baseline_sentences=baseline_sentences(run, baselines),
        confirmed=run.confirmation,
        confirmed_sentences=confirmation_sentences(run),
        for_the_record=run.for_the_record,
        floor=find_floor(run),
        absent=_absent(run, found),
        cost=find_cost(run),
        ranking=ranking_sentence(run),
        expected_gain=_expected_gain(run),
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


def test_score(run: Run) -> TestScore | None:
    """Return the winner's scores on the test images; None: it was not measured, or by an older version without them."""
    measured = measured_score(run.measurement, run.record.metric)
    if measured is None or measured.score is not None or run.test is None:
        return measured
    return replace(measured, score=metric_score(run.record.metric, run.test))  # an earlier version did not


def _expected_gain(run: Run) -> str:
    if end := run.study.user_attrs.get(NO_MORE) if run.study else None:
        return f"There can be no more trials: {end}."
    expected = expected_gain(run.trials, run.record.metric)
    if expected is None:
        return ""
    sentence = gain_sentence(expected, run.record.metric)
    return f"{sentence[0].upper()}{sentence[1:]} over the best score so far, if they are like those so far."


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


def _absent(run: Run, found: Classification | None) -> str:
    if found is None or not found.table.absent or not METRICS[run.record.metric].is_by_class:
        return ""
    absent = found.table.absent
    without = f"{listing(absent, most=5)} {'has' if len(absent) == 1 else 'have'} no {found.images} images"
    name = name_on_test(run.record.metric).removeprefix("test ")
    return f"{without}: the {name} goes over the other {count(len(run.classes) - len(absent), 'class')}."


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
        reached = percent(test.accuracy)
        if test.score and test.score.metric != "accuracy":
            name = name_on_test(test.score.metric).removeprefix("test ")
            reached = f"{score(test.score.value, test.score.metric)} {name}"
        return f"{article} {network} reaches {reached} on images it never saw"
    reached = f"{score(winner.score, run.record.metric)} {metric_name(run.record.metric)}"
    return f"{article} {network} reaches {reached}" + (" so far" if _is_under_way(run) else "")


def _is_under_way(run: Run) -> bool:
    return any(trial.state in ("RUNNING", "WAITING") for trial in run.trials) or not run.trials
