"""Images that an exported backbone was trained on, and a split of the data that keeps them out of validation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from objectives.data.records import Dataset, Finding, Split
from objectives.data.splitting import split, split_digest
from reports.stored.records import ModelCard, RunRecord, TrainedOn
from reports.wording import count
from search.results.predict import card_beside
from spaces.backbones import Backbones


@dataclass(frozen=True, kw_only=True, eq=False)
class ChosenSplit:
    """The split of a study, and what is known of the backbone's images in it."""

    split: Split
    seen: tuple[TrainedOn, ...] = ()
    """What the backbone was trained on."""
    finding: Finding | None = None
    """How many validation images are among those; None: there is no exported backbone."""
    advice: str = ""
    """What to do about it where it is refused."""


def choose_split(
    dataset: Dataset,
    *,
    seed: int,
    train_images: int | None,
    backbones: Backbones,
    earlier: RunRecord | None,
) -> ChosenSplit:
    """Split the data; with the data of an exported backbone, as the backbone's study did.

    Args:
        dataset: the study's.
        seed: of the run; splits the data where no backbone decides.
        train_images: as in `objectives.data.splitting.split`.
        backbones: of the space.
        earlier: the study's record; it keeps its split, so that its scores stay comparable.

    Raises:
        UsageError, DataError: as `split`.
    """
    if not backbones.are_exported:
        return ChosenSplit(split=split(dataset, seed=seed, train_images=train_images))
    file = Path(backbones.weights)
    seen = _trained_on(card_beside(file))
    same = [one for one in seen if one.data == dataset.fingerprint]
    if earlier is not None and _is_continued(earlier, dataset, seed, train_images, backbones):
        seed = earlier.seed_of_split
    elif same and same[0].train_images == train_images:
        seed = same[0].seed
    chosen = split(dataset, seed=seed, train_images=train_images)
    finding, advice = _finding(dataset, chosen, seen, same, file.name)
    return ChosenSplit(split=chosen, seen=seen, finding=finding, advice=advice)


def _trained_on(card: ModelCard) -> tuple[TrainedOn, ...]:
    unknown = TrainedOn(study=card.study, name="", data=None, seed=0, train_images=None, split=None)
    return (unknown,) if card.trained_on is None else card.trained_on


def _is_continued(
    earlier: RunRecord, dataset: Dataset, seed: int, train_images: int | None, backbones: Backbones
) -> bool:
    now = (dataset.fingerprint, backbones.digest, seed, train_images)
    settings = earlier.settings
    return now == (
        earlier.data.fingerprint,
        earlier.backbone_digest,
        settings.get("seed"),
        settings.get("train_images"),
    )


def _finding(
    dataset: Dataset, chosen: Split, seen: Iterable[TrainedOn], same: list[TrainedOn], backbone: str
) -> tuple[Finding, str]:
    """Return what is known, and what to do where that is a reason to refuse the study."""
    studies = ", ".join(dict.fromkeys(f"'{one.study}'" for one in same or seen))
    rows = [_rows(dataset, one) for one in same]
    validation = count(len(chosen.validation), "validation image")
    if any(one.data is None for one in seen) or any(found is None for found in rows):
        text = (
            f"which of the {validation} were training images of the backbone {backbone} (study {studies}) is not "
            "known: its card is of another version"
        )
        return Finding(text=text, allow="overlap"), "Choose another backbone, or one that this version exports"
    if not same:
        data = ", ".join(f"{one.name}, {(one.data or '')[:19]}" for one in seen)
        text = (
            f"the backbone {backbone} was trained on other data ({data}): whether some of its images are among the "
            f"{validation} is not checked"
        )
        return Finding(text=text), ""
    known = np.unique(np.concatenate([found for found in rows if found is not None]))
    overlap = int(np.isin(chosen.validation, known).sum())
    if not overlap:
        text = (
            f"0 of {validation} were training images of the backbone {backbone}: the data are split as in its study "
            f"{studies} (seed {chosen.seed})"
        )
        return Finding(text=text), ""
    text = (
        f"{overlap:,} of {validation} were training images of the backbone {backbone} (study {studies}), so that "
        "scores are too high"
    )
    advice = "Choose another backbone"
    if any(one.with_validation for one in same):
        advice = "It was trained again on all but the test images; the search's own model is in best/search"
    elif same[0].train_images is not None or len(chosen.train) + len(chosen.validation) < len(dataset.labels):
        advice = f"Choose its --train-images ({same[0].train_images or 'all of them'}) or another backbone"
    return Finding(text=text, allow="overlap"), advice


def _rows(dataset: Dataset, seen: TrainedOn) -> NDArray[np.int32] | None:
    """Return the rows of the data that a model was trained on; None: this version would split them otherwise."""
    theirs = split(dataset, seed=seen.seed, train_images=seen.train_images)
    if seen.split not in (None, split_digest(theirs)):
        return None
    return np.concatenate([theirs.train, theirs.validation]) if seen.with_validation else theirs.train
