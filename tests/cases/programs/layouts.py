"""Folders and arrays are understood, or named and refused."""

from __future__ import annotations

import numpy as np

from tests.cases.inputs import ANIMALS, arrays, digits, fill, save_png, space
from tests.cases.shell import Case, Ended, Shell, expect

SMALL = "--image-size 8 --trials 1 --epochs 1 --executor inline --study s --json"


def search(shell: Shell, data: str, *phrases: str) -> Ended:
    """Search the data for one epoch and expect the phrases."""
    tiny = space(shell.folder / "tiny.py")
    return shell.search(f"run --space {tiny} --data {data} {SMALL}").expect(0, *phrases)


def expect_parts(done: Ended, *, train: int, validation: int, test: int, classes: tuple[str, ...]) -> None:
    """Expect the numbers of images and the classes that a search used."""
    data = done.json["data"]
    found = (data["train"], data["validation"], data["test"], tuple(data["classes"]))
    expected = (train, validation, test, classes)
    expect(found == expected, f"train, validation, test, classes: {found}, expected {expected}")


def validation_arrays(shell: Shell) -> None:
    """An `.npz` with x_val and y_val."""
    images, labels = digits()
    arrays(shell.folder / "data.npz", x_val=images[800:1000], y_val=labels[800:1000])
    done = search(shell, "data.npz")
    expect_parts(done, train=600, validation=200, test=200, classes=tuple("0123456789"))


def eval_beside_train(shell: Shell) -> None:
    """train/ and eval/ with the same class folders."""
    fill(shell.folder / "photos" / "train", each=60)
    fill(shell.folder / "photos" / "eval", each=20, first=60)
    note = "eval/ is used as the test part"
    shell.search("data check photos").expect(0, note)
    expect_parts(search(shell, "photos", note), train=144, validation=36, test=60, classes=ANIMALS)


def unlabelled_test(shell: Shell) -> None:
    """A contest's layout: train/ with class folders, and test/ with images without labels."""
    fill(shell.folder / "photos" / "train")
    images, _ = digits()
    for number in range(20):
        save_png(images[number], shell.folder / "photos" / "test" / f"{number}.png")
    note = "20 images in test/ left out, since no class folder or file name gives their class"
    expect_parts(search(shell, "photos", note), train=76, validation=20, test=24, classes=ANIMALS)


def part_beside_classes(shell: Shell) -> None:
    """OK/ and NG/ beside a folder test/ with images without labels."""
    fill(shell.folder / "photos", ("OK", "NG"), each=20)
    fill(shell.folder / "photos", ("test",), each=5, first=40)
    check = shell.search("data check photos").expect(0, "5 images in test/ left out", "fit for a search")
    expect("2 classes" in check.out, check.out)


def unknown_parts(shell: Shell) -> None:
    """Two folders that hold the same classes, whose names do not say which part they are."""
    for name in ("monday", "tuesday"):
        fill(shell.folder / "photos" / name)
    question = "monday/ and tuesday/ hold the same folders (cat, dog, fox): parts of the data, or classes?"
    parts = "--parts train=monday --parts test=tuesday"
    for command in ("data check photos", "run --space cnn_cifar --data photos --executor inline"):
        shell.search(command).expect(3, question, parts, "--parts train=.")
    shell.search(f"data check photos {parts} --allow overlap").expect(0, "fit for a search")


def text_labels(shell: Shell) -> None:
    """An `.npz` whose labels are text."""
    words = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    labels = np.array(words)[digits()[1]]
    arrays(shell.folder / "data.npz", y_train=labels[:600], y_test=labels[600:800])
    expect_parts(search(shell, "data.npz"), train=480, validation=120, test=200, classes=tuple(sorted(words)))


def medmnist_keys(shell: Shell) -> None:
    """The names of MedMNIST's arrays, with labels of shape (n, 1)."""
    images, labels = digits()
    parts = {"train": slice(0, 600), "val": slice(600, 800), "test": slice(800, 1000)}
    named = {f"{part}_images": images[rows] for part, rows in parts.items()}
    named |= {f"{part}_labels": labels[rows, None] for part, rows in parts.items()}
    np.savez(shell.folder / "data.npz", **named)
    done = search(shell, "data.npz")
    expect_parts(done, train=600, validation=200, test=200, classes=tuple("0123456789"))


CASES = (
    Case(name="4-x-val-ignored", play=validation_arrays),
    Case(name="5-eval-beside-train", play=eval_beside_train),
    Case(name="17-labels-as-text", play=text_labels),
    Case(name="18-unlabelled-test-folder", play=unlabelled_test),
    Case(name="35-medmnist-keys", play=medmnist_keys),
    Case(name="part-beside-classes", play=part_beside_classes, trains=False),
    Case(name="parts-without-known-names", play=unknown_parts, trains=False),
)
