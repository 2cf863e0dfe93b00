"""How well the score after each epoch orders networks as their last score does, with corrected running averages or not.

    python -m benchmarks.early_scores [--recipes 60] [--epochs 8] [--file early_scores.jsonl]

Random recipes of `cnn_cifar` are trained on digits, each twice with the same seed: with batch norm's running averages
as Keras keeps them, and corrected after the first epoch (`objectives.training.running_averages`). The table has
Spearman's rank correlation between the validation accuracies after each epoch and those after the last, for networks
with batch norm and without, with a 95 % bootstrap interval over recipes. Trainings in the file are not repeated.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from objectives.data.directories import DataDirectories
from objectives.data.loading import load
from objectives.data.splitting import split
from objectives.messages import Examples, Objective, StudyData
from objectives.training.failures import TrainingError
from objectives.training.training import Training
from spaces.catalogue import find_space
from spaces.errors import SpaceError
from spaces.parameters import RandomSuggest
from spaces.recipe import ConvNet, ImageShape, Recipe

_resamples = 2_000
_shape = ImageShape(height=8, width=8, channels=1)


def main() -> None:
    """Train what the file lacks, then print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.early_scores")
    parser.add_argument("--recipes", type=int, default=60)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--file", type=Path, default=Path("early_scores.jsonl"))
    arguments = parser.parse_args()
    data, space = _digits(), find_space("cnn_cifar")
    rows = [json.loads(line) for line in arguments.file.read_text().splitlines()] if arguments.file.exists() else []
    done = {(row["seed"], row["corrects"]) for row in rows}
    with arguments.file.open("a") as file:
        for seed in range(arguments.recipes):
            try:
                recipe = space.suggest(
                    RandomSuggest(seed=seed, images=ImageShape(height=8, width=8, channels=1), classes=10)
                )
            except SpaceError:  # choices that do not go together
                continue
            for corrects in (False, True):
                if (seed, corrects) not in done:
                    row = _row(recipe, data, seed=seed, epochs=arguments.epochs, corrects=corrects)
                    file.write(json.dumps(row) + "\n")
                    file.flush()
                    rows.append(row)
    _print(rows, epochs=arguments.epochs)


def _digits() -> StudyData:
    dataset = load("digits", directories=DataDirectories.from_environment())
    parts = split(dataset, seed=0, train_images=None)
    return StudyData(
        train=Examples(images=dataset.images, labels=dataset.labels, indices=parts.train),
        validation=Examples(images=dataset.images, labels=dataset.labels, indices=parts.validation),
        test=None,
        classes=dataset.classes,
    )


def _row(recipe: Recipe, data: StudyData, *, seed: int, epochs: int, corrects: bool) -> dict[str, object]:
    objective = Objective(metric="val_accuracy", epochs=epochs, corrects_averages=corrects)
    try:
        training = Training(recipe=recipe, data=data, objective=objective, seed=seed)
        scores = [training.advance().score for _ in range(epochs)]
    except TrainingError:  # it diverged
        scores = None
    norm = isinstance(recipe.network, ConvNet) and recipe.network.batch_norm
    return {"seed": seed, "corrects": corrects, "norm": norm, "schedule": recipe.fit.schedule, "scores": scores}


def _print(rows: list[dict[str, object]], *, epochs: int) -> None:
    for norm in (True, False):
        for corrects in (False, True):
            scores = np.array(
                [r["scores"] for r in rows if r["norm"] == norm and r["corrects"] == corrects and r["scores"]]
            )
            if len(scores) < 3:
                continue
            averages = "corrected" if corrects else "as Keras keeps them"
            print(f"{'with' if norm else 'without'} batch norm, averages {averages}: {len(scores)} recipes")
            for epoch in range(epochs):
                low, high = _interval(scores, epoch)
                print(
                    f"  epoch {epoch + 1}: correlation {_correlation(scores, epoch):.2f} [{low:.2f}..{high:.2f}], "
                    f"median score {100 * np.median(scores[:, epoch]):.1f} %"
                )


def _correlation(scores: NDArray[np.float64], epoch: int) -> float:
    return float(spearmanr(scores[:, epoch], scores[:, -1]).statistic)


def _interval(scores: NDArray[np.float64], epoch: int) -> tuple[float, float]:
    draw = np.random.default_rng(0)
    drawn = [_correlation(scores[draw.integers(len(scores), size=len(scores))], epoch) for _ in range(_resamples)]
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return float(low), float(high)


if __name__ == "__main__":
    main()
