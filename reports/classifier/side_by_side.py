"""Two trials of one study side by side: which classes moved, and by how much."""

from __future__ import annotations

from dataclasses import dataclass

from reports.stored.run import COMPARED, Run, Trial


@dataclass(frozen=True, kw_only=True)
class ClassMove:
    """How well two trials find the validation images of one class."""

    name: str
    support: int
    """Validation images of the class."""
    first: int
    """Of these, found by the first trial."""
    second: int

    @property
    def gain(self) -> float:
        """Recall of the second trial less that of the first."""
        return (self.second - self.first) / self.support


@dataclass(frozen=True, kw_only=True)
class Recalls:
    """How many validation images of each class some trials find."""

    support: tuple[int, ...]
    """Images of each class."""
    hits: dict[int, tuple[int, ...]]
    """Trial number to found images of each class, the best trial first."""


def find_recalls(run: Run) -> Recalls | None:
    """Return what the best trials find of each class; None where no predictions are stored."""
    read = [trial for trial in _in_order(run) if trial.confusion is not None][:COMPARED]
    counts = {trial.number: trial.confusion for trial in read if trial.confusion is not None}
    if not counts:
        return None
    support = next(iter(counts.values())).sum(axis=1)
    return Recalls(
        support=tuple(support.tolist()),
        hits={
            number: tuple(found.diagonal().tolist())
            for number, found in counts.items()
            if (found.sum(axis=1) == support).all()  # else they are of other images
        },
    )


def class_moves(recalls: Recalls, classes: tuple[str, ...], *, first: int, second: int) -> tuple[ClassMove, ...]:
    """Return what changes for each class from one trial to another, the largest loss first.

    Args:
        recalls: has both trials.
        classes: names; one without validation images is left out.
        first: trial number.
        second: trial number.
    """
    columns = zip(classes, recalls.support, recalls.hits[first], recalls.hits[second], strict=True)
    moves = [ClassMove(name=name, support=of, first=one, second=two) for name, of, one, two in columns if of]
    return tuple(sorted(moves, key=lambda move: move.gain))


def moves_sentence(moves: tuple[ClassMove, ...], *, first: int, second: int) -> str:
    """Say on how many classes the second trial is better and worse."""
    better, worse = sum(move.gain > 0 for move in moves), sum(move.gain < 0 for move in moves)
    same = len(moves) - better - worse
    text = (
        f"Trial {second} finds more images than trial {first} in {better} of {len(moves)} classes and fewer in {worse}"
    )
    return f"{text}; in {same} both find as many." if same else f"{text}."


def default_pair(run: Run, recalls: Recalls) -> tuple[int, int] | None:
    """Return the trials worth comparing first: a hand-made baseline, or the next best, against the winner."""
    winner = run.winner
    second = winner.number if winner and winner.number in recalls.hits else next(iter(recalls.hits))
    baselines = [trial.number for trial in run.trials if trial.baseline and trial.number in recalls.hits]
    first = next((number for number in (*baselines, *recalls.hits) if number != second), None)
    return None if first is None else (first, second)


def _in_order(run: Run) -> list[Trial]:
    ranked = {trial.number for trial in run.ranked}
    return [*run.ranked, *(trial for trial in run.trials if trial.number not in ranked)]
