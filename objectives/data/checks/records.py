"""The records of a data check: what was counted, and what was found."""

from __future__ import annotations

from dataclasses import dataclass

from objectives.data.folders.layout import Part
from objectives.data.records import BadFile


@dataclass(frozen=True, kw_only=True)
class ClassCount:
    """Readable images of one class, by part."""

    label: str
    train: int
    validation: int
    test: int

    @property
    def images(self) -> int:
        """Of all parts."""
        return self.train + self.validation + self.test


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How many images are of one kind."""

    kind: str
    images: int


@dataclass(frozen=True, kw_only=True)
class Duplicates:
    """Images with the same pixels."""

    files: tuple[str, ...]
    parts: tuple[Part, ...]
    """More than one: an image that trains also validates or tests."""
    labels: tuple[str, ...]
    """More than one: the same image in several classes."""


@dataclass(frozen=True, kw_only=True)
class DataCheck:
    """What `check` found."""

    name: str
    classes: tuple[ClassCount, ...]
    """In natural order, also classes without a readable image."""
    sizes: tuple[Tally, ...]
    """"64x48" (width x height), most frequent first."""
    modes: tuple[Tally, ...]
    """Pillow's modes, most frequent first."""
    bad_files: tuple[BadFile, ...]
    """Not readable images, though named like one."""
    ignored: tuple[BadFile, ...]
    """Not part of the data, each with the reason."""
    pixel_values: tuple[str, ...]
    """The values found, and those used as black and white: a sentence for each way of storing them."""
    duplicates: tuple[Duplicates, ...]
    oddities: tuple[str, ...]
    """Worth knowing; a search accepts them."""
    problems: tuple[str, ...]
    """Why a search refuses these data."""

    @property
    def is_fit(self) -> bool:
        """Whether a search accepts these data."""
        return not self.problems

    @property
    def imbalance(self) -> float:
        """Training images of the largest class for each of the smallest; 1 where there are none."""
        counts = [count.train for count in self.classes if count.train]
        return max(counts) / min(counts) if counts else 1.0
