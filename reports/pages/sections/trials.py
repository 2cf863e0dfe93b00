"""All trials in a table, and the best of them one by one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from reports.charts.spec import Drawing
from reports.charts.trials import curve_charts, finite
from reports.findings.findings import Findings
from reports.findings.trials_table import TrialRow
from reports.pages.parts import recipe_rows
from reports.pages.section import Section
from reports.stored.run import Trial

DETAILED = 8
"""Trials that are laid out one by one."""


@dataclass(frozen=True, kw_only=True)
class Trials:
    """The rows of the table, and the trials that are laid out one by one."""

    rows: tuple[TrialRow, ...]
    detailed: tuple[Trial, ...]


class TrialsSection(Section[Trials]):
    """Missing until a trial has begun."""

    name: ClassVar[str] = "trials"
    title: ClassVar[str] = "Best trials"
    absent: ClassVar[str] = "No trial has started."

    def find(self, findings: Findings) -> Trials | None:
        """Return the trials."""
        return Trials(rows=findings.rows, detailed=detailed(findings)) if findings.rows else None

    def figures(self, value: Trials, findings: Findings, *, is_lite: bool) -> Mapping[str, Sequence[Drawing]]:
        """Draw the accuracy (else the loss) of each trial that is laid out."""
        return {
            f"trial-{one.number}": curve_charts(one.history, name=f"trial-{one.number}")[:1] if one.history else ()
            for one in value.detailed
        }


def detailed(findings: Findings) -> tuple[Trial, ...]:
    """Return the trials that are laid out one by one."""
    return tuple(row.trial for row in findings.rows if row.trial.score is not None)[:DETAILED]


def others_json(findings: Findings) -> str:
    """Return what the page's script needs to open a trial that is not laid out: its recipe and its scores by epoch."""
    laid_out = {trial.number for trial in detailed(findings)}
    others = {
        trial.number: {
            "recipe": recipe_rows(trial),
            "epochs": trial.history.epochs.tolist() if trial.history else [],
            "scores": finite(trial.history.scores) if trial.history else [],
        }
        for trial in findings.run.trials
        if trial.number not in laid_out and (trial.recipe or trial.history)
    }
    return json.dumps(others, separators=(",", ":"))
