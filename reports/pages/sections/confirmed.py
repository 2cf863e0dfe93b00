"""How the winner was chosen among the best recipes, by training them again on fresh seeds."""

from __future__ import annotations

from typing import ClassVar

from reports.findings.findings import Findings
from reports.pages.section import Section
from reports.stored.confirmation import Confirmation


class ConfirmedSection(Section[Confirmation]):
    """Part of the answer."""

    name: ClassVar[str] = "confirmed"
    within: ClassVar[str | None] = "answer"

    def find(self, findings: Findings) -> Confirmation | None:
        """Return the confirmation; None: the search score alone chose the winner."""
        return findings.answer.confirmed
