"""What mattered: the importance of each parameter, its effect on the score, and effects of on/off choices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from reports.charts.parameters import parallel_chart, parameter_chart, sampling_stride
from reports.charts.spec import Drawing
from reports.charts.trials import history_chart
from reports.findings.effects import EffectTable, effect_tables
from reports.findings.findings import Findings
from reports.pages.section import Section


@dataclass(frozen=True, kw_only=True)
class Mattered:
    """What parameters did to the score, besides their importances."""

    effects: tuple[EffectTable, ...]
    stride: int
    """One in this many finished trials is drawn against each parameter."""


class MatteredSection(Section[Mattered]):
    """Always there: of too few trials, it says so."""

    name: ClassVar[str] = "mattered"
    title: ClassVar[str] = "What mattered"

    def find(self, findings: Findings) -> Mattered:
        """Return effects of on/off choices, of the most important pairs."""
        run = findings.run
        return Mattered(
            effects=effect_tables(run, findings.importances, most=3), stride=sampling_stride(len(run.ranked))
        )

    def figures(self, value: Mattered, findings: Findings, *, is_lite: bool) -> Mapping[str, Sequence[Drawing]]:
        """Draw the history of scores, and each parameter against the score; lite, only those worth a column."""
        run = findings.run
        informative = tuple(name for name in findings.columns if name in run.varied_in_ranked)
        names = informative if is_lite else tuple(findings.importances.shares) or informative
        parallel = parallel_chart(run, findings.columns)
        return {
            "history": [history_chart(run)] if any(trial.score is not None for trial in run.trials) else [],
            "parameters": [parameter_chart(run, name) for name in names] if len(run.ranked) > 1 else [],
            "parallel": [parallel] if parallel else [],
        }
