"""Which trials keep their model: the best trial, the best baseline, the best start, and the best few recipes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from objectives.evaluation.metrics import Direction
from reports.stored import layout
from reports.stored.outcome import rank
from reports.stored.records import TrialRecord, TrialState
from search.results.run_folder import RunFolder
from spaces.recipe import Recipe
from spaces.transfer import without_folder

MOST_RECIPES = 5
"""Of the best recipes, one model each."""
MOST_BYTES = 200_000_000
"""All kept models together stay below this, except that those of the best trial, baseline and start always stay."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A complete trial, as far as keeping its model depends on it."""

    number: int
    score: float
    baseline: str | None
    start: str | None
    recipe: str
    """Its JSON text; equal for trials that repeat a recipe with another seed."""
    bytes: int = 0
    """Size of its model; 0: it has none, or none yet."""
    state: TrialState = "COMPLETE"


def kept(candidates: Iterable[Candidate], direction: Direction) -> tuple[set[int], list[Candidate]]:
    """Return which trials' models are to be kept, and the candidates that later decisions depend on.

    Args:
        candidates: any number; of equal scores, the smaller number is the better one.
        direction: of their scores.
    """
    ranked = rank(sorted(candidates, key=lambda one: one.number), direction)
    firsts = (
        ranked[:1],
        [one for one in ranked if one.baseline is not None][:1],
        [one for one in ranked if one.start is not None][:1],
    )
    always = {one.number: one for found in firsts for one in found}
    best_of = {one.recipe: one.number for one in reversed(ranked)}
    best = [one for one in ranked if best_of[one.recipe] == one.number][:MOST_RECIPES]
    total = sum(one.bytes for one in always.values())
    numbers = set(always)
    for one in best:
        if one.number not in numbers and total + one.bytes < MOST_BYTES:
            numbers.add(one.number)
            total += one.bytes
    return numbers, list({**always, **{one.number: one for one in best}}.values())


class KeptModels:
    """The models in a run folder: which ones a worker must send, and which are deleted again."""

    def __init__(self, folder: RunFolder, direction: Direction) -> None:
        """Begin with the trials of earlier runs."""
        self._folder = folder
        self._direction = direction
        self._candidates: list[Candidate] = []
        self._choose(found for record in folder.read_trials() if (found := self._candidate(record)) is not None)

    def is_wanted(
        self, trial: int, *, recipe: Recipe, scores: Iterable[float], baseline: str | None, start: str | None
    ) -> bool:
        """Whether the model of a trial would be kept, however large it is.

        Args:
            trial: its number.
            recipe: its own.
            scores: of its epochs, all of which it has trained.
            baseline: name of the hand-made baseline that it is.
            start: name of the recommended start that it is.
        """
        finite = [score for score in scores if math.isfinite(score)]
        if not finite:
            return False
        candidate = Candidate(
            number=trial,
            score=self._direction.best_of(finite),
            baseline=baseline,
            start=start,
            recipe=without_folder(recipe).to_json(),
        )
        numbers, _ = kept([*self._candidates, candidate], self._direction)
        return trial in numbers

    def add(self, record: TrialRecord) -> None:
        """Enter a trial whose files are written, and delete the models that are not to be kept any more."""
        if (candidate := self._candidate(record)) is not None:
            others = (one for one in self._candidates if one.number != record.trial)
            self._choose([*others, candidate])

    def _choose(self, candidates: Iterable[Candidate]) -> None:
        candidates = list(candidates)
        numbers, self._candidates = kept(candidates, self._direction)
        for one in candidates:
            if one.number not in numbers and one.bytes:
                (self._folder.trial(one.number) / layout.MODEL).unlink(missing_ok=True)

    def _candidate(self, record: TrialRecord) -> Candidate | None:
        if record.state != "COMPLETE" or record.score is None:
            return None
        folder = self._folder.trial(record.trial)
        model, recipe = folder / layout.MODEL, folder / layout.RECIPE
        return Candidate(
            number=record.trial,
            score=record.score,
            baseline=record.baseline,
            start=record.start,
            recipe=recipe.read_text() if recipe.is_file() else f"of trial {record.trial}",
            bytes=model.stat().st_size if model.is_file() else 0,
        )
