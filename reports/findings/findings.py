"""Everything that a report says, as values: computed here, drawn elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from reports.classifier.classification import Classification, classify
from reports.classifier.side_by_side import Recalls, find_recalls
from reports.findings.answer import Answer, find_answer
from reports.findings.grid import Grid, find_grid
from reports.findings.importances import Importances, find_importances
from reports.findings.trials_table import TrialRow, informative_parameters, trial_rows
from reports.stored.run import Run


@dataclass(frozen=True, kw_only=True, eq=False)
class Findings:
    """What the search found."""

    run: Run
    answer: Answer
    rows: tuple[TrialRow, ...]
    columns: tuple[str, ...]
    """Parameters worth a column in the table of trials."""
    classification: Classification | None
    importances: Importances
    recalls: Recalls | None
    """What the best trials find of each class."""
    grid: Grid | None
    """Trials by two parameters."""


def find(run: Run, *, grid: tuple[str, str] | None = None) -> Findings:
    """Compute everything that a report says about a run.

    Args:
        run: what was read.
        grid: two parameters, for columns and rows, that the trials are laid out by; None: the most informative.

    Raises:
        UsageError: the study has no such parameter of the grid, or the same in all trials.
    """
    importances = find_importances(run)
    classification = _classification(run)
    columns = informative_parameters(run, importances.shares)
    return Findings(
        run=run,
        answer=find_answer(run, classification, importances),
        rows=trial_rows(run),
        columns=columns,
        classification=classification,
        importances=importances,
        recalls=find_recalls(run),
        grid=find_grid(run, grid, informative=columns),
    )


def _classification(run: Run) -> Classification | None:
    if run.test is not None:
        return classify(run.test, run.classes, images="test")
    winner = run.winner
    predictions = run.validation.get(winner.number) if winner else None
    return classify(predictions, run.classes, images="validation") if predictions is not None else None
