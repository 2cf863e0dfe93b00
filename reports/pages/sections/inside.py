"""The layers and feature maps of the winner, and its recipe."""

from __future__ import annotations

from typing import ClassVar

from reports.findings.findings import Findings
from reports.pages.section import Section
from reports.stored.run import Run


class InsideSection(Section[Run]):
    """Missing where neither layers nor recipe of the winner are recorded."""

    name: ClassVar[str] = "inside"
    title: ClassVar[str] = "Inside the network"
    absent: ClassVar[str] = "The layers and feature maps of the winner were not recorded."

    def find(self, findings: Findings) -> Run | None:
        """Return the run, where it holds layers or a recipe of its winner."""
        run = findings.run
        return run if run.inside or (run.winner and run.winner.recipe) else None
