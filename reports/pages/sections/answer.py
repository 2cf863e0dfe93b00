"""The answer first: score, cost, and the winner against the hand-made baselines."""

from __future__ import annotations

from typing import ClassVar

from reports.findings.answer import Answer
from reports.findings.findings import Findings
from reports.pages.section import Section


class AnswerSection(Section[Answer]):
    """Always there: without a finished trial, it says so."""

    name: ClassVar[str] = "answer"
    title: ClassVar[str] = "Answer"

    def find(self, findings: Findings) -> Answer:
        """Return the answer."""
        return findings.answer
