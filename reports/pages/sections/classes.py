"""The winner class by class, and how far its probabilities can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from reports.charts.classes import confusion_map, reliability_chart
from reports.charts.spec import Drawing
from reports.classifier.classification import Classification
from reports.findings.findings import Findings
from reports.pages.section import Section

_matrix_most = 20
"""Classes up to which the confusion matrix is a table of numbers."""


class ClassesSection(Section[Classification]):
    """Missing until predictions of a finished trial are stored."""

    name: ClassVar[str] = "classes"
    title: ClassVar[str] = "Per class"
    absent: ClassVar[str] = "No predictions of a finished trial are stored yet."

    def find(self, findings: Findings) -> Classification | None:
        """Return the winner's predictions, class by class."""
        return findings.classification

    def figures(self, value: Classification, findings: Findings, *, is_lite: bool) -> Mapping[str, Sequence[Drawing]]:
        """Draw the calibration, and the confusion matrix of many classes."""
        classes = findings.run.classes
        return {
            "reliability": [reliability_chart(value.calibration)],
            "confusion": [confusion_map(value.counts, classes)] if len(classes) > _matrix_most else [],
        }
