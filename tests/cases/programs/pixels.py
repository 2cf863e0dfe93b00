"""Pixel values mean what the user meant, or they are refused with a way out."""

from __future__ import annotations

import numpy as np

from tests.cases.inputs import arrays, digits, fill, space
from tests.cases.shell import Case, Shell, expect

LEARNS = "--trials 1 --epochs 6 --executor inline --study s --json"


def learns(shell: Shell, data: str, *phrases: str) -> None:
    """Search the data and expect the phrases, and a network that learned."""
    tiny = space(shell.folder / "tiny.py")
    done = shell.search(f"run --space {tiny} --data {data} --image-size 8 {LEARNS}").expect(0, *phrases)
    accuracy = done.json["test"]["accuracy"]
    expect(accuracy > 0.6, f"test accuracy {accuracy:.2f} of 10 classes")


def just_above_one(shell: Shell) -> None:
    """Floats from 0 to 1 with one pixel at 1.0078, as bicubic resizing leaves them."""
    images = digits()[0] / 255
    images[3, 2, 2] = 1.0078
    arrays(shell.folder / "data.npz", x_train=images[:600], x_test=images[600:800])
    found = "pixel values from 0 to 1.0078 (floats): 0 is black, 1 is white"
    shell.search("data check data.npz").expect(0, found)
    learns(shell, "data.npz", found)


def zero_and_one(shell: Shell) -> None:
    """Whole numbers that are 0 and 1 only."""
    images, labels = digits()
    bits = (images > 127).astype(np.uint8)
    _, rows = np.unique(bits.reshape(len(bits), -1), axis=0, return_index=True)
    rows.sort()  # without copies
    train, test = rows[:600], rows[600:800]
    arrays(
        shell.folder / "data.npz", x_train=bits[train], y_train=labels[train], x_test=bits[test], y_test=labels[test]
    )
    learns(shell, "data.npz", "0 is black, 1 is white")


def ten_bits(shell: Shell) -> None:
    """Camera images of ten bits, stored in sixteen."""
    fill(shell.folder / "photos", "0123456789", change=lambda pixels: pixels.astype(np.uint16) * 4)
    found = "pixel values from 0 to 1020 (16 bits): 0 is black, 1023 is white"
    shell.search("data check photos").expect(0, found)
    learns(shell, "photos", found)


def standardised(shell: Shell) -> None:
    """Values with mean 0 and deviation 1, of which none says what black is."""
    images = (digits()[0] - 80.0) / 95
    arrays(shell.folder / "data.npz", x_train=images[:600], x_test=images[600:800])
    for command in ("data check data.npz", "run --space cnn_cifar --data data.npz --executor inline"):
        shell.search(command).expect(3, "values go from -0.84", "--pixel-range")


def other_ranges(shell: Shell) -> None:
    """Floats up to 16, as scikit-learn has its digits, and floats from -1 to 1."""
    images = digits()[0]
    for name, stored, found in (
        ("sixteenths", np.rint(images * (16 / 255)), "from 0 to 16 (floats): 0 is black, 16 is white"),
        ("signed", images / 127.5 - 1, "from -1 to 1 (floats): -1 is black, 1 is white"),
    ):
        arrays(shell.folder / f"{name}.npz", x_train=stored[:600], x_test=stored[600:800])
        shell.search(f"data check {name}.npz").expect(0, f"pixel values {found}")


def all_black(shell: Shell) -> None:
    """Different files that are all black once they are decoded."""
    fill(shell.folder / "photos", change=lambda pixels: pixels * 0)
    for command in ("data check photos", "run --space cnn_cifar --data photos --executor inline"):
        shell.search(command).expect(3, "pixel values go from 0 to 0", "--pixel-range")


CASES = (
    Case(name="1-float-just-above-one", play=just_above_one),
    Case(name="2-whole-numbers-zero-and-one", play=zero_and_one),
    Case(name="3-ten-bits-in-sixteen", play=ten_bits),
    Case(name="floats-of-other-ranges", play=other_ranges, trains=False),
    Case(name="images-that-are-all-black", play=all_black, trains=False),
    Case(name="standardised-values", play=standardised, trains=False),
)
