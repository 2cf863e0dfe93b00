"""What is searched."""

from __future__ import annotations

from dataclasses import dataclass

from search.settings import RunSettings

IMAGES = {"digits": None, "fashion_mnist": 2500, "cifar10": 2500}
"""For training and validation together; None: all."""
FRESH = range(1_000_000, 1_000_003)
"""Numbers from which the seeds are derived with which a trial is trained again, far from those of trials."""
LUCK_FROM = 2_000_000
"""The first of the numbers from which the seeds of the best start's other trainings are derived."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be done for each seed."""

    space: str
    data: str
    samplers: tuple[str, ...]
    trials: int
    epochs: int

    def settings(self, seed: int, sampler: str) -> RunSettings:
        """Return those of one search."""
        return RunSettings(
            space=self.space,
            data=self.data,
            study=f"{sampler}-{seed}",
            sampler=sampler,
            seed=seed,
            trials=self.trials,
            epochs=self.epochs,
            train_images=IMAGES[self.data],
            executor="inline",
        )
