"""Our trainer against naive `fit` and a hand-written loop; what augmentation, another backend and waiting cost.

    python -m benchmarks.training [--parts trials steps augmentation backends] [--repeats 5] [--images 480]
    python -m benchmarks.training --repeats 2 --images 160          a short form

One thread, as a worker on one core has. All that is compared takes turns. Wall times, ratios of them, and idle shares
(the part of a training's time in which its process computed nothing) need a free core; processor times do not.

trials         from the recipe to the end of epoch 4, measured on validation images after each. Ours compiles a new
               architecture each time, and takes nothing over from an earlier trial (for that: `benchmarks.starting`).
               Naive is Keras alone: build, compile, `fit` on arrays with `validation_data`. At the end of each epoch
               it waits for tf.data's autotuner to wake up, which only wall time shows.
steps          epochs after the first, with a single image to validate, against a compiled step over the same batches.
augmentation   the same epochs with one change of the images each, against those with none.
backends       the same epochs on each installed backend of Keras, in processes of their own.

The digits are scikit-learn's; images of 32x32 are noise, which takes as long as photographs do.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, replace

from benchmarks.cases import CLASSES, data_of, recipe_of
from benchmarks.timing import Comparison, Took, as_plain, idle_share, in_turn, median, print_head, print_row, timed
from objectives.devices import prepare
from objectives.messages import Objective, StudyData
from objectives.training.batches import ShuffledBatches
from spaces.recipe import Augment, ImageShape, Recipe

TRIAL_EPOCHS = 4
EPOCHS_AT_ONCE = {"digits": 5, "notebook": 1}
"""A single epoch of the digits-size network is over too soon to be measured."""
TITLES = {"digits": "digits, 8x8", "notebook": "307,498 weights, 32x32"}
AUGMENTATIONS = {
    "none": Augment(),
    "flip": Augment(flip_horizontal=True),
    "shift": Augment(shift=0.1),
    "rotation": Augment(rotation_degrees=20.0),
    "zoom": Augment(zoom=0.2),
    "shear": Augment(shear=0.2),
    "brightness": Augment(brightness=0.2),
    "contrast": Augment(contrast=0.2),
    "cutout": Augment(cutout=0.5),
    "mixup": Augment(mixup=0.2),
}
BACKENDS = ("tensorflow", "jax", "torch")


def main() -> None:
    """Measure, and print a table for each part, and one JSON object."""
    arguments = _arguments()
    if arguments.serve:
        _serve_epochs(arguments.images)
        return
    prepare(threads=1, gpu=False)
    if arguments.parts != ["backends"]:
        _warm_up()
    found = {part: PARTS[part](arguments.repeats, arguments.images) for part in arguments.parts}
    print(json.dumps({"images": arguments.images, "repeats": arguments.repeats, **found}))


def _trials(repeats: int, images: int) -> object:
    print_head("a trial of 4 epochs", "ours s", "naive s", "naive / ours")
    found = {}
    for case, title in TITLES.items():
        recipe, data = recipe_of(case), data_of(case, images)
        ours, naive = in_turn(repeats, [timed(_our_trial, recipe, data), timed(_naive_trial, recipe, data)])
        idle = {"ours": idle_share(ours), "naive": idle_share(naive)}
        compared = Comparison.of(naive, ours)
        print_row(title, f"{median(ours):.2f}", f"{median(naive):.2f}", compared, f"idle {idle['ours']}")
        found[case] = {
            "naive_over_ours": asdict(compared),
            "idle": {way: asdict(share) for way, share in idle.items()},
            "took": as_plain({"ours": ours, "naive": naive}),
        }
    return found


def _steps(repeats: int, images: int) -> object:
    print_head("steps alone", "ours /s", "loop /s", "ours / loop, of speed")
    found = {}
    for case, title in TITLES.items():
        recipe, data, epochs = recipe_of(case), _with_one_to_validate(data_of(case, images)), EPOCHS_AT_ONCE[case]
        ours, loop = in_turn(
            repeats,
            [timed(_times, epochs, _our_epoch(recipe, data)), timed(_times, epochs, _loop_epoch(recipe, data))],
        )
        speeds = [epochs * len(data.train) / median(way) for way in (ours, loop)]
        compared = Comparison.of(loop, ours)
        print_row(title, *(f"{speed:.0f}" for speed in speeds), compared, f"idle {idle_share(ours)}")
        found[case] = {
            "ours_over_loop": asdict(compared),
            "idle": asdict(idle_share(ours)),
            "images_per_epoch": len(data.train),
            "epochs_at_once": epochs,
            "took": as_plain({"ours": ours, "loop": loop}),
        }
    return found


def _augmentation(repeats: int, images: int) -> object:
    recipe, data = recipe_of("notebook"), _with_one_to_validate(data_of("notebook", images))
    epochs = [timed(_our_epoch(replace(recipe, augment=augment), data)) for augment in AUGMENTATIONS.values()]
    taken = dict(zip(AUGMENTATIONS, in_turn(repeats, epochs), strict=True))
    print_head("augmentation", "epoch s", "none s", "epoch / none")
    for name, took in taken.items():
        compared = Comparison.of(took, taken["none"])
        print_row(name, f"{median(took):.2f}", f"{median(taken['none']):.2f}", compared)
    return {
        "over_none": {name: asdict(Comparison.of(took, taken["none"])) for name, took in taken.items()},
        "took": as_plain(taken),
    }


def _backends(repeats: int, images: int) -> object:
    names = [name for name in BACKENDS if importlib.util.find_spec(name)]
    with ExitStack() as stack:
        children = [stack.enter_context(_serving(name, images)) for name in names]
        taken = dict(zip(names, in_turn(repeats, [_asking(child) for child in children]), strict=True))
    print_head("backend", "images/s", "", "speed / TensorFlow")
    for name, took in taken.items():
        compared = Comparison.of(taken["tensorflow"], took)
        print_row(name, f"{images / median(took):.0f}", "", compared)
    return {
        "over_tensorflow": {name: asdict(Comparison.of(taken["tensorflow"], took)) for name, took in taken.items()},
        "took": as_plain(taken),
    }


PARTS = {"trials": _trials, "steps": _steps, "augmentation": _augmentation, "backends": _backends}


def _our_trial(recipe: Recipe, data: StudyData) -> None:
    from objectives.training.compiled import CompiledNetworks
    from objectives.training.training import Training

    objective = Objective(metric="val_accuracy", epochs=TRIAL_EPOCHS)
    training = Training(recipe=recipe, data=data, objective=objective, seed=0, compiled=CompiledNetworks())
    for _ in range(TRIAL_EPOCHS):
        training.advance()
    training.finish(keep_model=False)


def _naive_trial(recipe: Recipe, data: StudyData) -> None:
    import keras

    from objectives.networks.assemble import assemble

    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    network = assemble(recipe, images=_shape(data), classes=CLASSES)
    network.compile(
        keras.optimizers.Adam(recipe.fit.learning_rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    train, validation = (
        (part.images[part.indices], part.labels[part.indices]) for part in (data.train, data.validation)
    )
    network.fit(*train, batch_size=recipe.fit.batch_size, epochs=TRIAL_EPOCHS, validation_data=validation, verbose=0)


def _our_epoch(recipe: Recipe, data: StudyData) -> Callable[[], object]:
    """Return what trains one epoch more; the first, which compiles, is over."""
    from objectives.training.training import Training

    training = Training(recipe=recipe, data=data, objective=Objective(metric="val_loss", epochs=1_000), seed=0)
    training.advance()
    return training.advance


def _loop_epoch(recipe: Recipe, data: StudyData) -> Callable[[], object]:
    """Return what trains one epoch more as a person would write it; the first, which compiles, is over."""
    import keras
    import tensorflow as tf

    from objectives.networks.assemble import assemble

    network = assemble(recipe, images=_shape(data), classes=CLASSES)
    optimizer = keras.optimizers.Adam(recipe.fit.learning_rate)
    crossentropy = keras.losses.SparseCategoricalCrossentropy()
    mean_loss, accuracy = keras.metrics.Mean(), keras.metrics.SparseCategoricalAccuracy()
    optimizer.build(network.trainable_variables)

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, *data.train.images.shape[1:]), tf.uint8),
            tf.TensorSpec((None,), tf.int32),
        ]
    )
    def step(images: tf.Tensor, labels: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            probabilities = network(images, training=True)
            loss = crossentropy(labels, probabilities)
        weights = network.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        mean_loss.update_state(loss)
        accuracy.update_state(labels, probabilities)

    def epoch() -> tuple[float, float]:
        mean_loss.reset_state()
        accuracy.reset_state()
        batches.shuffle(1)
        for images, labels in batches:
            step(images, labels)
        return float(mean_loss.result()), float(accuracy.result())

    batches = ShuffledBatches(data.train, batch_size=recipe.fit.batch_size, seed=0)
    epoch()
    return epoch


def _serve_epochs(images: int) -> None:
    """Train an epoch for each line that comes in, and write what it took; the first, which compiles, is over."""
    prepare(threads=1, gpu=False)
    epoch = timed(_our_epoch(recipe_of("notebook"), _with_one_to_validate(data_of("notebook", images))))
    gc.collect()
    gc.freeze()
    for _ in sys.stdin:
        print(json.dumps(asdict(epoch())), flush=True)


def _serving(backend: str, images: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.training", "--serve", "--images", str(images)],
        env=os.environ | {"KERAS_BACKEND": backend},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _asking(child: subprocess.Popen[str]) -> Callable[[], Took]:
    def ask() -> Took:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write("epoch\n")
        child.stdin.flush()
        return Took(**json.loads(child.stdout.readline()))

    return ask


def _warm_up() -> None:
    """Pay for what only the first network of a process costs, and free Keras of looking through the libraries."""
    recipe, data = recipe_of("digits"), data_of("digits", images=0)
    for trial in (_our_trial, _naive_trial):
        trial(recipe, data)
    gc.collect()
    gc.freeze()  # as a worker does


def _times(count: int, work: Callable[[], object]) -> None:
    for _ in range(count):
        work()


def _with_one_to_validate(data: StudyData) -> StudyData:
    return replace(data, validation=replace(data.validation, indices=data.validation.indices[:1]))


def _shape(data: StudyData) -> ImageShape:
    height, width, channels = data.train.images.shape[1:]
    return ImageShape(height=height, width=width, channels=channels)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=tuple(PARTS), default=list(PARTS))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--images", type=int, default=480, help="of 32x32; the digits are always all")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
