"""How the winner learned, epoch by epoch, and where other trials were stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from reports.charts.spec import Drawing
from reports.charts.trials import all_curves_chart, curve_charts
from reports.classifier.learning import learning_sentence
from reports.findings.findings import Findings
from reports.pages.section import Section


class LearningSection(Section[str]):
    """Missing until an epoch is recorded."""

    name: ClassVar[str] = "learning"
    title: ClassVar[str] = "How it learned"
    absent: ClassVar[str] = "No epoch has been recorded yet."

    def find(self, findings: Findings) -> str | None:
        """Return how the winner learned, in a sentence; empty where its epochs are not known."""
        if not any(trial.history for trial in findings.run.trials):
            return None
        winner = findings.run.winner
        return learning_sentence(winner.history) if winner and winner.history else ""

    def figures(self, value: str, findings: Findings, *, is_lite: bool) -> Mapping[str, Sequence[Drawing]]:
        """Draw the winner's accuracy and loss, and the scores of all trials."""
        winner = findings.run.winner
        return {
            "winner_curves": curve_charts(winner.history, name="winner") if winner and winner.history else (),
            "all_curves": [all_curves_chart(findings.run)],
        }
