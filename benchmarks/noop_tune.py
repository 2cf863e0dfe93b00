"""Ray Tune's own loop, with trainings that cost nothing."""

from __future__ import annotations

import os
import tempfile
import time
from typing import Any

import ray
from ray import tune


class Noop(tune.Trainable):
    """Reports so many epochs, each at once."""

    def setup(self, config: dict[str, Any]) -> None:
        """Take the number of epochs."""
        self._epochs = config["epochs"]

    def step(self) -> dict[str, Any]:
        """Return the next epoch's score."""
        return {"score": 0.5 + 1e-5 * self.iteration, "done": self.iteration + 1 >= self._epochs}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Accept another trial, where actors are used again."""
        self._epochs = new_config["epochs"]
        return True


def start(workers: int) -> None:
    """Start Ray here with so many CPUs; that is not measured."""
    os.environ["RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS"] = "0"
    ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False, logging_level="error")


def seconds(trials: int, epochs: int, *, reuse_actors: bool) -> float:
    """Return how long random search over 23 parameters takes; its results are written to a folder of their own."""
    space: dict[str, Any] = {f"parameter{number}": tune.uniform(0.0, 1.0) for number in range(23)}
    with tempfile.TemporaryDirectory() as folder:
        tuner = tune.Tuner(
            tune.with_resources(Noop, {"cpu": 1}),
            param_space={**space, "epochs": epochs},
            tune_config=tune.TuneConfig(num_samples=trials, metric="score", mode="max", reuse_actors=reuse_actors),
            run_config=tune.RunConfig(
                storage_path=folder,
                name="noop",
                verbose=0,
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),  # there is nothing to keep
            ),
        )
        began = time.perf_counter()
        results = tuner.fit()
        took = time.perf_counter() - began
    assert (len(results), results.num_errors) == (trials, 0)
    return took
