"""Images that the winner got wrong with confidence, or found hardest."""

from __future__ import annotations

from typing import ClassVar

from reports.classifier.classification import Classification
from reports.findings.findings import Findings
from reports.pages.section import Section


class MistakesSection(Section[Classification]):
    """Missing until predictions are stored."""

    name: ClassVar[str] = "mistakes"
    title: ClassVar[str] = "Look at the mistakes"
    link: ClassVar[str] = "Mistakes"
    absent: ClassVar[str] = "No predictions are stored yet."

    def find(self, findings: Findings) -> Classification | None:
        """Return the winner's predictions."""
        return findings.classification
