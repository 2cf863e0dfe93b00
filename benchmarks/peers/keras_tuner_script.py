"""KerasTuner: random search or Hyperband, in one process as it comes."""

from __future__ import annotations

import tempfile
import uuid

import keras
import keras_tuner

from benchmarks.peers.networks import Logged, build, data
from benchmarks.peers.task import BATCHES, EPOCHS, LISTED, Configuration, Log, arguments, listed


def main() -> None:
    """Search, or train what is listed."""
    given = arguments(tuner="hyperband")
    parts = data(given.data)
    log = Log(given.log)
    configurations = listed(given.seed)

    class Space(keras_tuner.HyperModel):
        def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
            return build(self.chosen(hp))

        def chosen(self, hp: keras_tuner.HyperParameters) -> Configuration:
            if given.mode == "listed":
                return configurations[hp.Int("index", 0, LISTED - 1)]
            return Configuration(
                stages=hp.Int("stages", 1, 3),
                filters=hp.Choice("filters", [8, 16, 32]),
                dense_units=hp.Choice("dense_units", [0, 64]),
                dropout=hp.Float("dropout", 0.0, 0.5),
                learning_rate=hp.Float("learning_rate", 1e-4, 10**-1.5, sampling="log"),
                batch_size=hp.Choice("batch_size", list(BATCHES)),
            )

        def fit(self, hp: keras_tuner.HyperParameters, model: keras.Model, *args: object, **kwargs: object) -> object:
            callbacks = [*kwargs.pop("callbacks", []), Logged(log, uuid.uuid4().hex)]
            size = self.chosen(hp).batch_size
            return model.fit(*args, batch_size=size, callbacks=callbacks, **kwargs)

    with tempfile.TemporaryDirectory() as folder:
        common = {
            "objective": keras_tuner.Objective("val_accuracy", "max"),
            "seed": given.seed,
            "directory": folder,
            "project_name": "peer",
        }
        if given.mode == "listed":
            tuner = keras_tuner.GridSearch(Space(), max_trials=LISTED, **common)
        elif given.tuner == "random":
            tuner = keras_tuner.RandomSearch(Space(), max_trials=10_000, **common)
        else:
            tuner = keras_tuner.Hyperband(Space(), max_epochs=EPOCHS, hyperband_iterations=10_000, **common)
        how = {} if given.mode != "listed" and given.tuner == "hyperband" else {"epochs": EPOCHS}
        tuner.search(*parts["train"], validation_data=parts["validation"], verbose=0, **how)


if __name__ == "__main__":
    main()
