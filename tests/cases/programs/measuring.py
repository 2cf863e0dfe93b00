"""Splits leave each class what it needs, and every number is by the metric of the search."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import f1_score

from tests.cases.inputs import ANIMALS, fill, space
from tests.cases.shell import Case, Shell, expect

TOO_FEW = "no class has 3 different images, one each to train, to validate and to test"


def two_images(shell: Shell) -> None:
    """Two images of each class."""
    fill(shell.folder / "photos", ("cat", "dog"), each=2)
    refused_alike(shell)


def one_image(shell: Shell) -> None:
    """One image of each class."""
    fill(shell.folder / "photos", each=1)
    refused_alike(shell)


def refused_alike(shell: Shell) -> None:
    """Expect the check and the search to refuse the photos with the same words."""
    shell.search("data check photos").expect(3, TOO_FEW, "not fit for a search")
    shell.search("run --space cnn_cifar --data photos --executor inline").expect(3, TOO_FEW)


def macro_f1(shell: Shell) -> None:
    """A search by macro F1, whose validation part lacks a class."""
    fill(shell.folder / "photos" / "train", each=60)
    fill(shell.folder / "photos" / "val", ANIMALS[:2], each=20, first=60)
    fill(shell.folder / "photos" / "test", each=20, first=80)
    tiny = space(shell.folder / "tiny.py")
    options = "--image-size 8 --trials 1 --epochs 6 --executor inline --study s --metric macro_f1"
    done = shell.search(f"run --space {tiny} --data photos {options} --json").expect(0)
    score, best = done.json["test"]["score"], done.json["best"]["value"]
    run = shell.folder / "runs" / "s"
    for value, file in (
        (best, run / "trials" / "0000" / "predictions.npz"),
        (score["value"], run / "best" / "predictions.npz"),
    ):
        with np.load(file) as stored:
            predicted, labels = stored["probabilities"].argmax(axis=1), stored["labels"]
        expected = f1_score(labels, predicted, average="macro", labels=np.unique(labels))
        expect(
            abs(value - expected) < 1e-6, f"macro F1 {value:.4f}, scikit-learn's over the classes there {expected:.4f}"
        )
    expect(score["metric"] == "macro_f1", f"test.score is {score['metric']}")
    shell.search("status s").expect(0, f"\ntest macro_f1 {score['value']:.4f} on 60 test images (95 % interval ")
    first = shell.page("s").partition("\nAnswer\n")[0]
    expect(f"{100 * score['value']:.2f} % mean F1 over classes" in first, f"the page does not open with F1: {first}")


CASES = (
    Case(name="8-two-images-a-class", play=two_images, trains=False),
    Case(name="27-one-image-a-class-is-fit", play=one_image, trains=False),
    Case(name="macro-f1-of-a-part-that-lacks-a-class", play=macro_f1),
)
