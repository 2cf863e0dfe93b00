"""Learning curves in the cells of two parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from reports.charts.grid import grid_charts
from reports.charts.spec import Drawing
from reports.findings.findings import Findings
from reports.findings.grid import Grid
from reports.pages.section import Section


class GridSection(Section[Grid]):
    """Missing where no two parameters have values to compare."""

    name: ClassVar[str] = "grid"
    within: ClassVar[str | None] = "learning"

    def find(self, findings: Findings) -> Grid | None:
        """Return the trials by two parameters."""
        return findings.grid

    def figures(self, value: Grid, findings: Findings, *, is_lite: bool) -> Mapping[str, Sequence[Drawing]]:
        """Draw accuracy and loss."""
        return {"curves": grid_charts(value, findings.run)}
