"""The study carries the report's figures into the dashboard."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
import sqlalchemy
from optuna.storages import RDBStorage
from optuna_dashboard._custom_plot_data import get_plotly_graph_objects

from reports.findings.findings import Findings, find
from reports.stored.run import Run
from search.dashboard.figures import PREFIX, figures, keep_figures
from search.storage.database import study_storage
from search.storage.write_behind import WriteBehindStudy
from tests.reports.conftest import copied, digits_folder, digits_run

__all__ = ["copied", "digits_folder", "digits_run"]


@pytest.fixture(scope="module")
def findings(digits_run: Run) -> Findings:
    return find(digits_run)


@pytest.fixture
def storage(copied: Path) -> Iterator[RDBStorage]:
    """Open the database of a finished study."""
    with study_storage(f"sqlite:///{copied / 'study.db'}") as opened:
        yield opened


def carried(storage: RDBStorage) -> dict[str, str]:
    """Return the figures that the dashboard finds, by name."""
    study = optuna.load_study(study_name="digits", storage=storage)
    found: dict[str, str] = get_plotly_graph_objects(storage.get_study_system_attrs(study._study_id))
    return found


def test_the_study_carries_confusion_calibration_and_curves(findings: Findings, storage: RDBStorage) -> None:
    keep_figures(findings, storage, note=pytest.fail)
    assert set(carried(storage)) == {
        f"{PREFIX}{name}"
        for name in ("confusion", "reliability", "winner-accuracy", "winner-loss", "grid-accuracy", "grid-loss")
    }


def test_a_figure_has_the_counts_of_the_report(findings: Findings, storage: RDBStorage) -> None:
    keep_figures(findings, storage, note=pytest.fail)
    (trace,) = json.loads(carried(storage)[f"{PREFIX}confusion"])["data"]
    assert findings.classification is not None
    assert [[int(text.rpartition(": ")[2]) for text in row] for row in trace["text"]] == (
        findings.classification.counts.tolist()
    )


def test_figures_take_the_place_of_earlier_ones(findings: Findings, storage: RDBStorage) -> None:
    keep_figures(findings, storage, note=pytest.fail)
    before = carried(storage)
    keep_figures(findings, storage, note=pytest.fail)
    assert carried(storage) == before


def test_a_continued_study_keeps_its_figures_and_leaves_them_out_of_its_memory(
    findings: Findings, storage: RDBStorage
) -> None:
    keep_figures(findings, storage, note=pytest.fail)
    before = carried(storage)
    stored = WriteBehindStudy(optuna.load_study(study_name="digits", storage=storage), storage)
    assert get_plotly_graph_objects(stored.study._storage.get_study_system_attrs(stored.study._study_id)) == {}
    stored.study.tell(stored.study.ask(), 0.5)
    stored.save()
    assert carried(storage) == before


def test_a_study_without_a_result_carries_nothing(findings: Findings, digits_run: Run) -> None:
    empty = dataclasses.replace(digits_run, trials=(), test=None, measurement=None)
    assert list(figures(find(empty))) == []


def test_a_database_that_fails_is_noted(findings: Findings, storage: RDBStorage) -> None:
    with storage.engine.begin() as connection:
        connection.execute(sqlalchemy.text("DROP TABLE study_system_attributes"))
    notes: list[str] = []
    keep_figures(findings, storage, note=notes.append)
    (told,) = notes
    assert told.startswith("could not save figures to the dashboard: database error: no such table")
    assert told.endswith("no such table: study_system_attributes")
