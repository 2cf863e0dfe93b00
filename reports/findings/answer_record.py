"""The answer as one record, for programs: what the page says first, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from objectives.evaluation.metrics import Direction
from reports.classifier.per_class import ClassRow
from reports.findings.answer import Answer, BaselineRow, Cost, TestScore
from reports.findings.findings import Classification, Findings
from reports.stored.run import Gap, Trial

schema = 1


@dataclass(frozen=True, kw_only=True)
class BestRecord:
    """The winner."""

    trial: int
    value: float | None
    """Its score, on the validation images."""
    interval_95: tuple[float, float] | None
    """Wilson's, of its accuracy on the validation images."""
    params: Mapping[str, Any]
    recipe: Mapping[str, Any] | None
    parameters: int | None
    """Weights of the network."""
    epochs: int


@dataclass(frozen=True, kw_only=True)
class BaselineRecord:
    """The winner against one hand-made choice, on the validation images."""

    name: str
    trial: int | None
    value: float | None
    """None: it has no score yet."""
    only_winner_right: int | None
    """Images that only the winner has right; None where the two can't be paired."""
    only_baseline_right: int | None
    p: float | None
    """Of McNemar's exact test."""


@dataclass(frozen=True, kw_only=True)
class ClassesRecord:
    """The winner class by class."""

    images: str
    """"test" or "validation"."""
    accuracy: float
    classes: tuple[ClassRow, ...]
    """In the order of the labels."""
    sentences: tuple[str, ...]
    calibration_error: float


@dataclass(frozen=True, kw_only=True)
class AnswerRecord:
    """What `report --json` prints. Keys may be added, never renamed."""

    schema: int
    study: str
    space: str
    headline: str
    metric: str
    direction: Direction
    best: BestRecord | None
    test: TestScore | None
    """None: the test images are untouched."""
    baselines: tuple[BaselineRecord, ...]
    cost: Cost
    ranking: str
    """How sure the order of the best trials is."""
    per_class: ClassesRecord | None
    importances: Mapping[str, float]
    """Parameter to share, largest first; empty where not known."""
    missing: tuple[Gap, ...]
    """What the run folder lacks, or holds damaged."""
    run_dir: str
    report: str


def answer_record(findings: Findings, *, report: str) -> AnswerRecord:
    """Return the answer as one record.

    Args:
        findings: what the search found.
        report: path of the page that was written.
    """
    run, answer = findings.run, findings.answer
    return AnswerRecord(
        schema=schema,
        study=run.record.study,
        space=run.record.space,
        headline=answer.headline,
        metric=run.record.metric,
        direction=run.direction,
        best=_best(answer.winner, answer) if answer.winner else None,
        test=answer.test,
        baselines=tuple(map(_baseline, answer.baselines)),
        cost=answer.cost,
        ranking=answer.ranking,
        per_class=_classes(findings.classification) if findings.classification else None,
        importances=findings.importances.shares,
        missing=run.gaps,
        run_dir=str(run.folder),
        report=report,
    )


def _best(winner: Trial, answer: Answer) -> BestRecord:
    return BestRecord(
        trial=winner.number,
        value=winner.score,
        interval_95=answer.validation_interval,
        params=winner.params,
        recipe=winner.recipe,
        parameters=winner.record.parameters if winner.record else None,
        epochs=winner.epochs,
    )


def _baseline(row: BaselineRow) -> BaselineRecord:
    return BaselineRecord(
        name=row.name,
        trial=row.trial,
        value=row.score,
        only_winner_right=row.test.only_first if row.test else None,
        only_baseline_right=row.test.only_second if row.test else None,
        p=row.test.p if row.test else None,
    )


def _classes(found: Classification) -> ClassesRecord:
    return ClassesRecord(
        images=found.images,
        accuracy=found.table.accuracy,
        classes=found.table.rows,
        sentences=found.sentences,
        calibration_error=found.calibration.error,
    )
