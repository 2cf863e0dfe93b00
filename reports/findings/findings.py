"""Everything that a report says, as values: computed here, drawn elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from objectives.evaluation.metrics import (
    confusion_counts,
)
from objectives.messages import Predictions
from reports.classifier.calibration import Calibration, calibration, top_accuracy
from reports.classifier.learning import learning_sentence
from reports.classifier.mistakes import Look, confident_mistakes, hardest
from reports.classifier.per_class import (
    ClassTable,
    Confusion,
    class_table,
    confusion_sentences,
    most_confused,
)
from reports.classifier.side_by_side import Recalls, find_recalls
from reports.findings.answer import Answer, find_answer
from reports.findings.effects import EffectTable, effect_tables
from reports.findings.grid import Grid, find_grid
from reports.findings.importances import Importances, find_importances
from reports.findings.trade_off import TradeOff, find_trade_off
from reports.findings.trials_table import TrialRow, telling_parameters, trial_rows
from reports.stored.run import Run

LOOKS = 24
"""Images shown in each gallery, and to be recorded for it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Classification:
    """The winner on one set of images, class by class."""

    images: str
    """"test" or "validation"."""
    predictions: Predictions
    table: ClassTable
    counts: NDArray[np.int32]
    """(classes, classes) by true class (row) and predicted class (column)."""
    sentences: tuple[str, ...]
    pairs: tuple[Confusion, ...]
    calibration: Calibration
    top3: float | None
    """Accuracy when the three most probable classes count; None for five classes or fewer."""
    hardest: tuple[Look, ...]
    confident_mistakes: tuple[Look, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Findings:
    """What the search found."""

    run: Run
    answer: Answer
    rows: tuple[TrialRow, ...]
    columns: tuple[str, ...]
    """Parameters worth a column in the table of trials."""
    classification: Classification | None
    learning: str
    """How the winner learned, in a sentence; empty where unknown."""
    importances: Importances
    effects: tuple[EffectTable, ...]
    recalls: Recalls | None
    """What the best trials find of each class."""
    grid: Grid | None
    """Trials by two parameters."""
    trade_off: TradeOff | None
    """What a good score costs."""


def find(run: Run, *, grid: tuple[str, str] | None = None) -> Findings:
    """Compute everything that a report says about a run.

    Args:
        run: what was read.
        grid: two parameters, for columns and rows, that the trials are laid out by; None: the most telling.

    Raises:
        UsageError: a parameter of the grid is none of the study's, or the same in all trials.
    """
    importances = find_importances(run)
    answer = find_answer(run)
    winner, columns = answer.winner, telling_parameters(run, importances.shares)
    return Findings(
        run=run,
        answer=answer,
        rows=trial_rows(run),
        columns=columns,
        classification=_classification(run),
        learning=learning_sentence(winner.history) if winner and winner.history is not None else "",
        importances=importances,
        effects=effect_tables(run, importances, most=3),
        recalls=find_recalls(run),
        grid=find_grid(run, grid, telling=columns),
        trade_off=find_trade_off(run),
    )


def _classification(run: Run) -> Classification | None:
    if run.test is not None:
        return classify(run.test, run.classes, images="test")
    winner = run.winner
    predictions = run.validation.get(winner.number) if winner else None
    return classify(predictions, run.classes, images="validation") if predictions is not None else None


def classify(predictions: Predictions, classes: tuple[str, ...], *, images: str) -> Classification:
    """Compute what some predictions say about each class."""
    predicted = predictions.probabilities.argmax(axis=1)
    counts = confusion_counts(predictions.labels, predicted, len(classes))
    return Classification(
        images=images,
        predictions=predictions,
        table=class_table(predictions.labels, predicted, classes),
        counts=counts,
        sentences=confusion_sentences(counts, classes, most=5),
        pairs=most_confused(counts, classes, most=8),
        calibration=calibration(predictions.probabilities, predictions.labels),
        top3=top_accuracy(predictions.probabilities, predictions.labels, k=3) if len(classes) > 5 else None,
        hardest=hardest(predictions, most=LOOKS),
        confident_mistakes=confident_mistakes(predictions, most=LOOKS),
    )
