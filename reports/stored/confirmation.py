"""The confirmation of a search: its best recipes, trained again on fresh seeds, and the one that was chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["search", "confirmed", "refit"]
"""The model is the best of the search; of the best recipe on fresh seeds; or trained on the validation images too."""


@dataclass(frozen=True, kw_only=True)
class ConfirmedCandidate:
    """A recipe that might be the best."""

    trial: int
    search_score: float
    """Of the search's run of it: the best of many, so it flatters."""
    scores: tuple[float | None, ...]
    """Of each fresh seed, in the order of `Confirmation.seeds`; None: it failed, or is not trained yet."""
    mean: float | None = None
    """Of the fresh seeds that all candidates have; None: one of them failed, or none is trained yet."""
    interval_95: tuple[float, float] | None = None
    """Of the mean: for other validation images and other seeds."""
    parameters: int | None = None
    """Weights of the network."""
    seconds_an_image: float | None = None
    """As in `reports.stored.records.TrialRecord`."""


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """`confirmation.json`; nothing in it depends on a test image."""

    schema: int
    seeds: tuple[int, ...]
    """Fresh ones, the same for each candidate: the search's own run of a recipe does not count."""
    candidates: tuple[ConfirmedCandidate, ...]
    """Best search score first."""
    is_complete: bool
    """Whether each candidate is trained with each seed; if not, the next run continues."""
    chosen: int | None = None
    """Trial of the candidate with the best mean; None: not decided."""
    mean: float | None = None
    """Of the chosen one."""
    interval_95: tuple[float, float] | None = None
    """Of that mean."""
    noise: float | None = None
    """Standard deviation of the score between seeds of one recipe, over all candidates; None: one seed each."""
    tied: tuple[int, ...] = ()
    """Trials that cannot be told from the chosen one, which is the first."""
    cheapest: int | None = None
    """Of the tied: the one with the fewest weights, then with the fewest seconds an image."""
    seconds_training: float = 0.0
    """Summed over its trainings."""

    @property
    def confirmed(self) -> ConfirmedCandidate | None:
        """The candidate that was chosen."""
        return next((one for one in self.candidates if one.trial == self.chosen), None)
