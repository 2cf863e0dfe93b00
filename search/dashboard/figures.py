"""Figures of the report that are stored in the study, for the dashboard to show beside its own charts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import optuna
from optuna.storages import RDBStorage
from optuna_dashboard import save_plotly_graph_object

from reports.charts import classes, trials
from reports.charts.grid import grid_charts
from reports.charts.plotly import titled_figure
from reports.charts.spec import Drawing
from reports.findings.findings import Findings
from search.storage.errors import DatabaseError, database_errors

PREFIX = "tamiz-"
"""Prefix of the names of these figures in a study."""
_classes_most = 100
"""Most classes for which the confusion matrix is stored; its size grows with their square."""


def keep_figures(findings: Findings, storage: RDBStorage, *, note: Callable[[str], None]) -> None:
    """Store a report's figures in the study, in place of those of an earlier run.

    Args:
        findings: of the study's report.
        storage: holds the study.
        note: prints a line if the database fails, which is not an error: all results are in the run folder.
    """
    try:
        with database_errors():
            study = optuna.load_study(study_name=findings.run.record.study, storage=storage)
            for chart in figures(findings):
                save_plotly_graph_object(study, titled_figure(chart), graph_object_id=PREFIX + chart.name)
    except (KeyError, DatabaseError) as error:
        note(f"could not save figures to the dashboard: {error}")


def figures(findings: Findings) -> Iterator[Drawing]:
    """Yield charts that the dashboard lacks: of the best model's predictions, and of learning curves."""
    run, found, winner = findings.run, findings.classification, findings.run.winner
    if found is not None:
        if len(run.classes) <= _classes_most:
            yield classes.confusion_map(found.counts, run.classes)
        yield classes.reliability_chart(found.calibration)
    if winner is not None and winner.history is not None:
        yield from trials.curve_charts(winner.history, name="winner")
    if findings.grid is not None:
        yield from grid_charts(findings.grid, run)
