"""Two trials side by side, class by class."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

from reports import wording
from reports.classifier.side_by_side import ClassMove, Recalls, class_moves, default_pair, moves_sentence
from reports.findings.findings import Findings
from reports.pages.section import Section
from reports.pages.sections.trials import detailed


@dataclass(frozen=True, kw_only=True)
class SideBySide:
    """Two trials class by class, and the best trials likewise."""

    first: int
    second: int
    moves: tuple[ClassMove, ...]
    sentence: str
    best: tuple[int, ...]
    """Trials that are laid out one by one."""
    recalls: Recalls


class SideBySideSection(Section[SideBySide]):
    """Missing where no two trials have predictions."""

    name: ClassVar[str] = "side_by_side"
    within: ClassVar[str | None] = "trials"

    def find(self, findings: Findings) -> SideBySide | None:
        """Return the pair of trials that the page opens with."""
        recalls, run = findings.recalls, findings.run
        pair = default_pair(run, recalls) if recalls else None
        if recalls is None or pair is None:
            return None
        first, second = pair
        moves = class_moves(recalls, run.classes, first=first, second=second)
        return SideBySide(
            first=first,
            second=second,
            moves=moves,
            sentence=moves_sentence(moves, first=first, second=second),
            best=tuple(trial.number for trial in detailed(findings) if trial.number in recalls.hits),
            recalls=recalls,
        )


def recalls_json(findings: Findings) -> str:
    """Return what the page's script needs to put any two of the best trials side by side."""
    recalls, run = findings.recalls, findings.run
    if recalls is None:
        return "null"
    of = {trial.number: trial for trial in run.trials}
    trials = [
        {
            "number": number,
            "score": wording.score(of[number].score, run.record.metric),
            "name": of[number].baseline or of[number].start or "",
            "hits": hits,
        }
        for number, hits in recalls.hits.items()
    ]
    return json.dumps({"classes": run.classes, "support": recalls.support, "trials": trials}, separators=(",", ":"))
