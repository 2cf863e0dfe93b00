"""Inputs of the cases: scikit-learn's digits as folders, tables and arrays, and small spaces."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits

ANIMALS = ("cat", "dog", "fox")

SPACE = '''"""One small network."""
from spaces.networks import {networks}
from spaces.recipe import Fit, Recipe
{imports}
DEFAULT_DATA = "digits"
BASELINES = {{}}


def suggest(trial):
    """Choose."""
    {choices}
    return Recipe(network={network}, fit=Fit(learning_rate={rate}, batch_size=32))
'''


def space(
    path: Path,
    *,
    choices: str = 'rate = trial.suggest_float("learning_rate", 3e-3, 3e-2, log=True)',
    rate: str = "rate",
    network: str = "ConvNet(stages=(Stage(filters=8, convolutions=1),), kernel=3)",
    imports: str = "",
) -> str:
    """Write a space whose network trains in a second; returns the name that `--space` takes."""
    path.write_text(
        SPACE.format(
            networks=", ".join(name for name in ("ConvNet", "MLP", "Stage") if name in network),
            imports=imports,
            choices=choices,
            network=network,
            rate=rate,
        )
    )
    return path.name


def digits() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return 1,797 images (n, 8, 8) from 0 to 255, and their labels (n,)."""
    found = load_digits()
    return np.rint(found.images * (255 / 16)).astype(np.uint8), found.target


def save_png(pixels: NDArray[np.generic], path: Path) -> None:
    """Write an image, with the folders it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def fill(
    root: Path,
    names: Iterable[str] = ANIMALS,
    *,
    each: int = 40,
    first: int = 0,
    change: Callable[[NDArray[np.uint8]], NDArray[np.generic]] = lambda pixels: pixels,
) -> None:
    """Write `each` images of a digit into a folder for each name, beginning with the digit's image `first`."""
    images, labels = digits()
    for digit, name in enumerate(names):
        for number, image in enumerate(images[labels == digit][first : first + each]):
            save_png(change(image), root / name / f"{number:03}.png")


def rows(root: Path) -> list[tuple[str, str]]:
    """Return (path, label) of the images below a folder, the paths relative to what it lies in."""
    return [(path.relative_to(root.parent).as_posix(), path.parent.name) for path in sorted(root.rglob("*.png"))]


def arrays(path: Path, *, names: tuple[str, ...] = ("x_train", "y_train", "x_test", "y_test"), **more: object) -> None:
    """Write 600 images and labels, and 200 others, into an `.npz` with these names; `more` are further arrays."""
    images, labels = digits()
    values = (images[:600], labels[:600], images[600:800], labels[600:800])
    np.savez(path, **{**dict(zip(names, values, strict=True)), **more})  # type: ignore[arg-type]
