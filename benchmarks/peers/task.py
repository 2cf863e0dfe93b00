"""The one task that every tool is given: images, listed configurations, a space, and how epochs are logged."""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

Mode = Literal["listed", "own"]
MODES: tuple[Mode, ...] = ("listed", "own")

EPOCHS = 6
IMAGES = 2_500
"""Of Fashion-MNIST; a fifth validates."""
LISTED = 24
BATCHES = (32, 64)


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """One network and one way to train it with Adam."""

    stages: int
    filters: int
    """In the first stage; doubles after each."""
    dense_units: int
    dropout: float
    learning_rate: float
    batch_size: int


def drawn(rng: random.Random) -> Configuration:
    """Return a configuration drawn from the space that each tool searches."""
    return Configuration(
        stages=rng.choice((1, 2, 3)),
        filters=rng.choice((8, 16, 32)),
        dense_units=rng.choice((0, 64)),
        dropout=round(rng.uniform(0.0, 0.5), 3),
        learning_rate=10 ** rng.uniform(-4, -1.5),
        batch_size=rng.choice(BATCHES),
    )


def listed(seed: int) -> list[Configuration]:
    """Return the configurations that each tool trains when it has nothing to search."""
    rng = random.Random(seed)
    return [drawn(rng) for _ in range(LISTED)]


class Log:
    """Lines of JSON, one an epoch, from however many processes; appended at once, so that none is torn."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)

    def epoch(self, trial: str, epoch: int, score: float, seconds: float) -> None:
        """Note a validation accuracy, and how long training and validation took; epochs count from 1."""
        values = {"at": time.time(), "trial": trial, "epoch": epoch, "score": score, "seconds": seconds}
        line = json.dumps(values) + "\n"
        with self._path.open("a") as file:
            file.write(line)


def plain(configuration: Configuration) -> dict[str, Any]:
    """Return a configuration as JSON values."""
    return asdict(configuration)


def arguments(**own: Any) -> argparse.Namespace:
    """Return what `benchmarks.peers` tells a tool's script; `own` are the tool's, with their defaults."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mode", choices=MODES, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True, help="an .npz of training and validation images")
    parser.add_argument("--log", type=Path, required=True)
    for name, default in own.items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    return parser.parse_args()
