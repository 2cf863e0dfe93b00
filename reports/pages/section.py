"""What a section of the report is: a value found in a run, the charts of it, and a template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Generic, TypeVar

from reports.charts.spec import Drawing
from reports.findings.findings import Findings

T = TypeVar("T")


class Section(Generic[T]):
    """One section; its template is `sections/NAME.html`.

    The template has `value`, `figures` (a sequence of drawn charts by the names that `figures` gives them),
    `parts` (the sections within this one), `section`, `findings`, `run`, `record`, `answer`, `winner` and `is_lite`.
    """

    name: ClassVar[str]
    """Of the template, and the identifier of the section's element."""
    title: ClassVar[str] = ""
    """The heading of a section of its own; a part of another section has its headings in its template."""
    link: ClassVar[str] = ""
    """The heading in the list of sections, where it is shorter than the title."""
    within: ClassVar[str | None] = None
    """The section that this one is a part of; None: it stands by itself."""
    absent: ClassVar[str] = ""
    """The sentence in place of a section without a value."""

    def find(self, findings: Findings) -> T | None:
        """Return what the section is about; None: this run has nothing to show."""
        raise NotImplementedError

    def figures(self, value: T, findings: Findings, *, is_lite: bool) -> Mapping[str, Sequence[Drawing]]:
        """Return the charts by their place in the template; a place without a chart has an empty sequence."""
        return {}
