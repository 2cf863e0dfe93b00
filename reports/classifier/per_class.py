"""What a classifier does to each class: precision, recall, F1, support and the confusion matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom
from sklearn.metrics import precision_recall_fscore_support

from reports.wording import count, listing

_surprising = 0.05
"""Chance below which errors that gather on one class are called particular."""


@dataclass(frozen=True, kw_only=True)
class ClassRow:
    """How well one class (or a mean over all) is recognised; as scikit-learn's, 0 where undefined."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int
    """Images of the class."""
    errors: int
    """Images of the class that were predicted as another."""


@dataclass(frozen=True, kw_only=True)
class ClassTable:
    """One row a class, in the order of the labels, with two means."""

    rows: tuple[ClassRow, ...]
    macro: ClassRow
    """Each class that has images counts the same."""
    weighted: ClassRow
    """Each image counts the same."""
    accuracy: float

    @property
    def worst_first(self) -> tuple[ClassRow, ...]:
        """The rows by F1, smallest first; classes without images last."""
        return tuple(sorted(self.rows, key=lambda row: (row.support == 0, row.f1)))

    @property
    def absent(self) -> tuple[str, ...]:
        """Names of the classes without images."""
        return tuple(row.name for row in self.rows if not row.support)


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """Images of one class that were predicted as another."""

    true: str
    predicted: str
    images: int
    of: int
    """Images of the true class."""


def class_table(labels: NDArray[Any], predicted: NDArray[Any], classes: tuple[str, ...]) -> ClassTable:
    """Return precision, recall, F1 and support of each class, equal to scikit-learn's.

    Args:
        labels: (n,) true classes.
        predicted: (n,) predicted classes.
        classes: names; a class without images or predictions gets zeros.
    """
    scores = precision_recall_fscore_support(labels, predicted, labels=range(len(classes)), zero_division=0)
    wrong = np.bincount(labels[labels != predicted], minlength=len(classes))
    rows = tuple(
        ClassRow(name=name, precision=float(p), recall=float(r), f1=float(f), support=int(s), errors=int(e))
        for name, p, r, f, s, e in zip(classes, *scores, wrong, strict=True)
    )
    *measures, support = scores

    def mean(name: str, weights: NDArray[Any]) -> ClassRow:
        p, r, f = (float(np.average(measure, weights=weights)) for measure in measures)
        return ClassRow(name=name, precision=p, recall=r, f1=f, support=int(support.sum()), errors=int(wrong.sum()))

    return ClassTable(
        rows=rows,
        macro=mean("mean over classes", support > 0),
        weighted=mean("mean over images", support),
        accuracy=float((labels == predicted).mean()),
    )


def most_confused(counts: NDArray[np.int32], classes: tuple[str, ...], *, most: int) -> tuple[Confusion, ...]:
    """Return the pairs of classes that are confused most, by images; pairs without any are left out."""
    off = counts.copy()
    np.fill_diagonal(off, 0)
    order = np.argsort(-off, axis=None, kind="stable")[:most]
    pairs = [divmod(int(place), len(classes)) for place in order]
    return tuple(
        Confusion(true=classes[t], predicted=classes[p], images=int(off[t, p]), of=int(counts[t].sum()))
        for t, p in pairs
        if off[t, p] > 0
    )


def confusion_sentences(counts: NDArray[np.int32], classes: tuple[str, ...], *, most: int) -> tuple[str, ...]:
    """Say what each of the classes with most errors is mistaken for, and which classes have none.

    A class is "mistaken for no class in particular" when its errors could as well be spread by chance
    evenly over the other classes: binomial tail of the largest count, times the classes it was
    largest of (Bonferroni), at 5 %.
    """
    errors = counts.sum(axis=1) - counts.diagonal()
    order = [int(c) for c in np.argsort(-errors, kind="stable") if errors[c] >= 3][:most]
    sentences = [_sentence(counts[c], c, classes) for c in order]
    perfect = [classes[c] for c in range(len(classes)) if errors[c] == 0 and counts[c].sum()]
    if perfect:
        verb = "is" if len(perfect) == 1 else "are"
        sentences.append(f"{listing(perfect, most=8)} {verb} never mistaken for another class.")
    return tuple(sentences)


def _sentence(row: NDArray[np.int32], true: int, classes: tuple[str, ...]) -> str:
    off = row.copy()
    off[true] = 0
    errors, images = int(off.sum()), int(row.sum())
    others = len(classes) - 1
    first, second = (int(place) for place in np.argsort(-off, kind="stable")[:2])
    chance = others * float(binom.sf(off[first] - 1, errors, 1 / others))
    if others > 1 and chance > _surprising:
        spread = f"{count(errors, 'error')} in {count(images, 'image')}"
        return f"{classes[true]} is mistaken for no class in particular: {spread}."
    sentence = f"{classes[true]} is mistaken for {classes[first]} in {off[first]:,} of {count(images, 'image')}"
    if others > 1 and off[second] >= 2:
        sentence += f", and for {classes[second]} in {off[second]:,}"
    return sentence + "."
