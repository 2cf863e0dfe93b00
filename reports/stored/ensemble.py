"""`ensemble/ensemble.json`: several models whose probabilities are averaged."""

from __future__ import annotations

from dataclasses import dataclass

from reports.stored.records import Measurement, Member

ENSEMBLE_SIZE = 20
"""Models that an ensemble averages at most, unless told otherwise; one that is chosen twice counts as two."""


@dataclass(frozen=True, kw_only=True)
class EnsembleRecord:
    """Its members, and how good it is."""

    schema: int
    members: tuple[Member, ...]
    """The one that counts most first."""
    metric: str
    score: float
    """On the validation images, by which the members were chosen: it flatters more than that of a single trial."""
    test: Measurement
    """For the record: nothing was chosen by it. Its trial is the first member."""
