"""A step of a large dense head with its optimizer's updates fused, against Keras' own.

    python -m benchmarks.updates [--features 37632] [--units 1024] [--steps 5] [--repeats 3]

The head that a transfer of InceptionV3 cut at mixed7 trains, in batches of 32 images. Both ways take turns;
seconds are those of the processor, on one thread.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import numpy as np

from objectives.devices import prepare
from spaces.recipe import OPTIMIZERS, Fit

CLASSES = 10
BATCH = 32


def main() -> None:
    """Measure, and print a table and one JSON object."""
    arguments = _arguments()
    prepare(threads=1, gpu=False)
    result = {}
    print(f"{'optimizer':10}  {'plain s':>8}  {'fused s':>8}  {'ratio':>22}   a step of {BATCH} images")
    for optimizer in OPTIMIZERS:
        pairs = [
            tuple(_step_seconds(arguments, optimizer, fused=fused) for fused in (False, True))
            for _ in range(arguments.repeats)
        ]
        plain, fused = (statistics.median(pair[way] for pair in pairs) for way in (0, 1))
        ratios = [with_it / without for without, with_it in pairs]
        result[optimizer] = {"median": statistics.median(ratios), "low": min(ratios), "high": max(ratios)}
        spread = f"{statistics.median(ratios):.2f} [{min(ratios):.2f}..{max(ratios):.2f}]"
        print(f"{optimizer:10}  {plain:8.3f}  {fused:8.3f}  {spread:>22}")
    print(json.dumps(result))


def _step_seconds(arguments: argparse.Namespace, optimizer: str, *, fused: bool) -> float:
    import keras

    from objectives.training import on_tensorflow
    from objectives.training.optimizers import optimizer_of

    on_tensorflow.LARGE = 1_000_000 if fused else 10**12
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    head = keras.Sequential(
        [
            keras.Input((arguments.features,)),
            keras.layers.Dense(arguments.units, activation="relu"),
            keras.layers.Dense(CLASSES, activation="softmax"),
        ]
    )
    fit = Fit(optimizer=optimizer, learning_rate=1e-4, batch_size=BATCH)
    head.compile(optimizer_of(fit, steps=arguments.steps, model=head), "sparse_categorical_crossentropy")
    features = np.random.default_rng(0).random((BATCH, arguments.features), dtype=np.float32)
    labels = np.arange(BATCH) % CLASSES
    head.train_on_batch(features, labels)
    began = time.process_time()
    for _ in range(arguments.steps):
        head.train_on_batch(features, labels)
    return (time.process_time() - began) / arguments.steps


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--features", type=int, default=37632)
    parser.add_argument("--units", type=int, default=1024)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
