"""Ray Tune with OptunaSearch and ASHA: a process a trial as it comes, or actors that are used again."""

from __future__ import annotations

import tempfile
import time

import ray
from ray import tune
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler
from ray.tune.search.optuna import OptunaSearch

from benchmarks.peers.task import BATCHES, EPOCHS, LISTED, Configuration, Log, arguments, listed


def main() -> None:
    """Search, or train what is listed."""
    given = arguments(reuse=0)
    configurations = listed(given.seed)
    is_listed = given.mode == "listed"

    class Trainer(tune.Trainable):
        """One epoch a step; its process may be given another configuration."""

        def setup(self, config: dict[str, object]) -> None:
            import keras

            from benchmarks.peers.networks import build, data

            self._parts = data(given.data)
            self._log = Log(given.log)
            keras.utils.set_random_seed(given.seed)
            self._chosen = configurations[config["index"]] if is_listed else Configuration(**config)
            self._model = build(self._chosen)

        def step(self) -> dict[str, float]:
            began = time.perf_counter()
            found = self._model.fit(
                *self._parts["train"],
                batch_size=self._chosen.batch_size,
                validation_data=self._parts["validation"],
                verbose=0,
            ).history["val_accuracy"][-1]
            self._log.epoch(self.trial_id, self.iteration + 1, found, time.perf_counter() - began)
            return {"val_accuracy": found}

        def reset_config(self, new_config: dict[str, object]) -> bool:
            self.setup(new_config)
            return True

        def save_checkpoint(self, checkpoint_dir: str) -> None:
            self._model.save(f"{checkpoint_dir}/model.keras")

        def load_checkpoint(self, checkpoint: object) -> None:
            raise NotImplementedError

    space = {
        "stages": tune.randint(1, 4),
        "filters": tune.choice([8, 16, 32]),
        "dense_units": tune.choice([0, 64]),
        "dropout": tune.uniform(0.0, 0.5),
        "learning_rate": tune.loguniform(1e-4, 10**-1.5),
        "batch_size": tune.choice(list(BATCHES)),
    }
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    with tempfile.TemporaryDirectory() as folder:
        tune.Tuner(
            tune.with_resources(Trainer, {"cpu": 1}),
            param_space={"index": tune.grid_search(list(range(LISTED)))} if is_listed else space,
            tune_config=tune.TuneConfig(
                metric="val_accuracy",
                mode="max",
                num_samples=1 if is_listed else 10_000,
                max_concurrent_trials=2,
                search_alg=None if is_listed else OptunaSearch(seed=given.seed),
                scheduler=FIFOScheduler() if is_listed else ASHAScheduler(max_t=EPOCHS, grace_period=1),
                reuse_actors=bool(given.reuse),
            ),
            run_config=tune.RunConfig(storage_path=folder, verbose=0, stop={"training_iteration": EPOCHS}),
        ).fit()


if __name__ == "__main__":
    main()
