"""What comes before a first batch: for a new architecture, for one that a worker compiled before, with Keras alone.

    python -m benchmarks.starting [--repeats 5]

An epoch trains one batch and measures one; building and tracing is what the first takes longer than the second. Keras
alone is `fit` on arrays, with validation, of the same network and optimizer, without schedule or decay. The three take
turns; seconds are those of the processor, on one thread.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from objectives.devices import prepare
from objectives.messages import Examples, Objective, StudyData
from spaces.catalogue import find_space
from spaces.parameters import recipe_for
from spaces.recipe import Fit, ImageShape, Recipe

CLASSES = 10
CASES = {
    "digits, a small network": ("cnn_cifar", "cifar_small", 8, 1),
    "CIFAR-10, 307,498 weights": ("cnn_cifar", "cifar_notebook_2021", 32, 3),
    "CIFAR-10, a residual network": ("resnet_cifar", "he_2016_resnet20", 32, 3),
}


def main() -> None:
    """Measure, and print a table and one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    prepare(threads=1, gpu=False)
    result = {}
    print(f"{'':28}  {'Keras s':>8}  {'new s':>8}  {'again s':>8}  {'new / Keras':>20}  {'again / Keras':>20}")
    for case, (space, baseline, side, channels) in CASES.items():
        shape = ImageShape(height=side, width=side, channels=channels)
        named = find_space(space)
        recipe = recipe_for(named, named.baselines[baseline], images=shape, classes=CLASSES)
        found = _measured(recipe, _one_batch_each(shape, recipe.fit.batch_size), repeats)
        keras, new, again = ([times[way] for times in found] for way in range(3))
        medians = [statistics.median(way) for way in (keras, new, again)]
        ratios = [_ratio(way, keras) for way in (new, again)]
        result[case] = {"keras": medians[0], "new": ratios[0], "again": ratios[1], "again_seconds": medians[2]}
        spreads = [f"{ratio['median']:.2f} [{ratio['low']:.2f}..{ratio['high']:.2f}]" for ratio in ratios]
        print(f"{case:28}  " + "  ".join(f"{s:8.2f}" for s in medians) + "  " + "  ".join(f"{s:>20}" for s in spreads))
    print(json.dumps(result))


def _measured(recipe: Recipe, data: StudyData, repeats: int) -> list[tuple[float, float, float]]:
    from objectives.training.compiled import CompiledNetworks
    from objectives.training.training import Training

    objective = Objective(metric="val_accuracy", epochs=2)

    def before_the_first_batch(recipe: Recipe, kept: CompiledNetworks) -> float:
        began = time.process_time()
        training = Training(recipe=recipe, data=data, objective=objective, seed=0, compiled=kept)
        return _beyond_an_epoch(began, training.advance)

    other = replace(recipe, fit=replace(recipe.fit, learning_rate=recipe.fit.learning_rate / 2))
    _keras_alone(recipe, data)  # what only the first network of a process costs
    gc.collect()
    gc.freeze()  # as a worker does
    found = []
    for _ in range(repeats):
        kept = CompiledNetworks()
        alone = _keras_alone(recipe, data)
        found.append((alone, before_the_first_batch(recipe, kept), before_the_first_batch(other, kept)))
    return found


def _keras_alone(recipe: Recipe, data: StudyData) -> float:
    import keras

    from objectives.networks.assemble import assemble

    began = time.process_time()
    keras.utils.clear_session(free_memory=True)
    keras.utils.set_random_seed(0)
    height, width, channels = data.train.images.shape[1:]
    network = assemble(recipe, images=ImageShape(height=height, width=width, channels=channels), classes=CLASSES)
    fit: Fit = recipe.fit
    optimizer = keras.optimizers.SGD(fit.learning_rate, fit.momentum) if fit.optimizer == "sgd" else "adam"
    network.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    train, validation = ((part.images, part.labels) for part in (data.train, data.validation))
    return _beyond_an_epoch(
        began, lambda: network.fit(*train, batch_size=fit.batch_size, validation_data=validation, verbose=0)
    )


def _one_batch_each(shape: ImageShape, size: int) -> StudyData:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (size, shape.height, shape.width, shape.channels)).astype(np.uint8)
    labels = (np.arange(size) % CLASSES).astype(np.int32)
    batch = Examples(images=images, labels=labels, indices=np.arange(size, dtype=np.int32))
    return StudyData(train=batch, validation=batch, test=None, classes=tuple(str(n) for n in range(CLASSES)))


def _beyond_an_epoch(began: float, epoch: Callable[[], object]) -> float:
    """Return the seconds from `began` to the end of a first epoch, less those of a second."""
    epoch()
    after_one = time.process_time()
    epoch()
    return (after_one - began) - (time.process_time() - after_one)


def _ratio(times: list[float], base: list[float]) -> dict[str, float]:
    ratios = [one / other for one, other in zip(times, base, strict=True)]
    return {"median": statistics.median(ratios), "low": min(ratios), "high": max(ratios)}


if __name__ == "__main__":
    main()
