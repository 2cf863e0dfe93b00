"""How the search was done: data, settings, versions, failures, and the winner as a script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from reports.findings.findings import Findings
from reports.findings.procedure import FactGroup, account
from reports.findings.trials_table import failures_by_cause
from reports.pages.section import Section
from reports.stored import layout


@dataclass(frozen=True, kw_only=True)
class Procedure:
    """What lets someone repeat the search, or doubt it."""

    groups: tuple[FactGroup, ...]
    failures: tuple[tuple[str, int, str], ...]
    """(cause, trials, one message), the most frequent cause first."""
    script: str | None
    """The winner as a plain Keras script; None where it is not stored."""


class DoneSection(Section[Procedure]):
    """Always there."""

    name: ClassVar[str] = "done"
    title: ClassVar[str] = "How it was done"

    def find(self, findings: Findings) -> Procedure:
        """Return the facts."""
        run = findings.run
        try:
            script = (run.folder / layout.BEST / layout.SCRIPT).read_text()
        except (OSError, UnicodeDecodeError):
            script = None
        return Procedure(groups=account(run), failures=failures_by_cause(run), script=script)
